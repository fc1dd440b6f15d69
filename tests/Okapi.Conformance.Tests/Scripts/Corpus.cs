namespace Okapi.Conformance.Tests.Scripts;

/// <summary>Scripts on which servers once differed, or nearly: they run first, every time. What a failure prints is pasted here.</summary>
public static class Corpus
{
    public static IReadOnlyList<(string Name, string Text)> All { get; } =
    [
        ("one of everything", """
            0 create ~/a data=x
            1 exists ~/b watch
            1 getChildren ~ watch
            0 create2 ~/b flags=1
            2 addWatch ~ mode=1
            0+ create ~/s- flags=2
            0+ setData ~/a data=longer v=0
            0 getData ~/a
            1 multi { create ~/a/a ; check ~/a v=7 ; delete ~/b }
            1 multi { create ~/a/a ; check ~/a v=1 ; setData ~/a/a data=x ; delete ~/a/a }
            0 createTTL ~/t flags=5 ttl=100000
            0 createContainer ~/c flags=4
            1 multiRead { getData ~/a ; getChildren ~ ; getData ~/nothing }
            0 auth data=digest:u1:p1
            0 setACL ~/a acl=auth
            0 whoAmI
            1 getData ~/a
            1 getACL ~/a
            0 getACL ~/a
            2 drop
            0 delete ~/c
            2 resume
            2 setWatches2 since=-3 { data ~/a ; child ~ ; recursive ~ }
            0 getEphemerals ~
            1 getAllChildrenNumber ~
            0 create ~/a cut=3
            0 raw type=99
            0 resume
            0 resume data=wrong
            0 resume
            0 close
            1 getChildren2 ~
            """),
    ];
}
