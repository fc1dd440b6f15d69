namespace Okapi.Simulation.Tests.Model;

/// <summary>A session as the ensemble knows it.</summary>
internal sealed class ModelSession(long id, World world, TimeSpan heardAt)
{
    public long Id { get; } = id;

    public World World { get; } = world;

    public byte[] Password { get; } = BitConverter.GetBytes(id ^ 0x5ec2e7).Concat(new byte[8]).ToArray();

    public TimeSpan HeardAt { get; set; } = heardAt;

    public bool IsOver { get; set; }

    public ModelConnection? Connection { get; set; }

    public int LastTag { get; set; }
}
