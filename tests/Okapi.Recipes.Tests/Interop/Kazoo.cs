using System.Diagnostics;
using Okapi.Recipes;
using Okapi.Recipes.Tests.Interop;

[assembly: AssemblyFixture(typeof(Kazoo))]

namespace Okapi.Recipes.Tests.Interop;

/// <summary>Python's kazoo and its recipes, from Debian's package: so it is Debian's own Python that runs it, whatever else comes first on the PATH.</summary>
public sealed class Kazoo : ForeignPeer
{
    public override NodeNaming Naming => NodeNaming.Kazoo;

    protected override Task<ProcessStartInfo> PrepareAsync() =>
        Task.FromResult(new ProcessStartInfo("/usr/bin/python3", ["-u", Path.Combine(AppContext.BaseDirectory, "Interop", "kazoo_peer.py")]));
}
