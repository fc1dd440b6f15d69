namespace Okapi.Requests;

/// <summary>Objects that wait to be used again: as many as a steady load needs, and not as many as one burst made.</summary>
internal sealed class FreeList<T>
    where T : class
{
    private const int Limit = 4096;

    private readonly Lock _lock = new();
    private readonly Stack<T> _free = new();

    public T? Take()
    {
        lock (_lock) return _free.TryPop(out T? free) ? free : null;
    }

    public void Give(T used)
    {
        lock (_lock)
        {
            if (_free.Count < Limit) _free.Push(used);
        }
    }
}
