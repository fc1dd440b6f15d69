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
        ("an ACL without an id", """
            0 create ~/a acl=nullid?
            0 setACL ~ acl=nullid?
            0 multi { create ~/a acl=nullid? }
            0 sync ~
            """),
        ("no path", """
            0 setACL
            0 sync
            0 getData
            0 create
            0 multi { setData }
            0 multi { create ~/b ; check }
            0 multiRead { getData ~ ; getData }
            0 exists ~/b
            """),
        ("flags of another opcode in a transaction", """
            0 multi { create ~/a flags=5 }
            0 create ~/a
            0 multi { create2 ~/b flags=6 }
            0 multi { createContainer ~/c flags=5 }
            0 multi { createContainer ~/s- flags=6 }
            0 multi { create ~/e flags=99 }
            0 multi
            """),
        ("what a transaction says of each kind of create", """
            0 multi { create ~/a ; create2 ~/b ; createContainer ~/c flags=4 ; createTTL ~/d flags=5 ttl=100000 ; createTTL ~/s- flags=6 ttl=1 }
            """),
        ("checkWatches sees the watches of others", """
            1 addWatch ~/a
            0 checkWatches ~/a type=1
            0 checkWatches ~/a type=2
            0 checkWatches ~/a type=3
            0 removeWatches ~/a type=3
            1 drop
            0 checkWatches ~/a type=3
            """),
        ("a recursive watch that is armed again takes the place of the others on its path", """
            0 create ~/a
            0 create ~/b
            0 setWatches2 since=-1 { child ~/a ; recursive ~/a }
            1 setWatches2 since=-1 { recursive ~/a ; persistent ~/a }
            2 addWatch ~/a
            2 setWatches2 { recursive ~/a }
            2 setWatches2 { recursive ~/b }
            2 checkWatches ~/b type=1
            2 checkWatches ~/b type=2
            0 create ~/a/a
            0 create ~/b/a
            0 delete ~/a/a
            """),
        ("connections that end and come back", """
            0 create ~/a flags=1
            1 exists ~/a watch
            0 resume
            0 resume data=wrong
            0 ping
            0 resume
            0 resume since=1
            0 getEphemerals ~
            0 drop
            2 delete ~/a
            0 close
            0 resume
            0 close
            0 resume
            0 open
            0 ping
            """),
    ];
}
