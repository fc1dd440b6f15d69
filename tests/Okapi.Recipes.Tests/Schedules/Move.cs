namespace Okapi.Recipes.Tests.Schedules;

internal enum MoveKind
{
    /// <summary>Somebody takes the step that he is held at.</summary>
    Step,

    /// <summary>Who was cut off can connect again.</summary>
    Heal,

    Acquire,
    Release,
    Cancel,
    Expire,

    /// <summary>Somebody who waits loses his connection and gets no other.</summary>
    CutOff,
}

/// <summary>Where a connection is cut while somebody takes a step; he can connect again at once.</summary>
internal enum Cut
{
    None,
    BeforeRequest,
    AfterRequest,
}

/// <summary>One thing that can happen next.</summary>
internal readonly record struct Move(int Actor, MoveKind Kind, string? Want = null, Cut Cut = Cut.None)
{
    /// <summary>How many operations it counts for. A step is what follows from an operation, and who is cut off always comes back.</summary>
    public int Cost => (Kind is MoveKind.Step or MoveKind.Heal ? 0 : 1) + (Cut == Cut.None ? 0 : 1);

    public override string ToString() => $"{(char)('a' + Actor)}:{Kind}{(Want is null ? "" : " " + Want)}{(Cut == Cut.None ? "" : ", cut " + Cut)}";
}

/// <summary>A schedule that breaks a promise.</summary>
internal sealed class ViolationException(string what) : Exception(what);
