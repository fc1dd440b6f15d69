using System.Reflection;
using Microsoft.Extensions.Logging;
using Okapi.Diagnostics;

namespace Okapi.Client.Tests.Diagnostics;

public class LogEventTests
{
    /// <summary>Users filter by these: an id that was published keeps its meaning for ever, and a removed one is not used again.</summary>
    [Fact]
    public void Event_ids_are_unique_and_stay_what_they_are()
    {
        string[] table =
        [
            "1 Connecting Debug",
            "2 AttemptFailed Warning",
            "3 Connected Information",
            "4 ConnectionLost Warning",
            "5 SessionFailed Error",
            "6 SessionClosed Information",
            "7 Starved Warning",
            "8 RearmRefused Warning",
            "9 Rearming Debug",
            "10 OutcomeUnknown Warning",
            "11 ReadWriteProbe Debug",
            "12 DigestInTheClear Warning",
            "13 ShortLived Warning",
            "14 OpenByOmission Warning",
        ];
        var events = typeof(Log).GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)
            .Select(method => (method.Name, Event: method.GetCustomAttribute<LoggerMessageAttribute>()))
            .Where(each => each.Event is not null)
            .OrderBy(each => each.Event!.EventId)
            .ToArray();
        Assert.Equal(table, events.Select(each => $"{each.Event!.EventId} {each.Name} {each.Event.Level}"));
        Assert.Equal(events.Length, events.Select(each => each.Event!.EventId).Distinct().Count());
    }
}
