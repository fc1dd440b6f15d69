using System.Diagnostics.CodeAnalysis;
using Okapi.Server.Transactions;

namespace Okapi.Server.Requests;

/// <summary>What became of a request for a write: a transaction, or the reason why there is none.</summary>
internal readonly record struct Prepared(Transaction? Transaction, ErrorCode Error)
{
    [MemberNotNullWhen(true, nameof(Transaction))]
    public bool IsAllowed => Transaction is not null;

    public static implicit operator Prepared(Transaction transaction) => new(transaction, ErrorCode.Ok);

    public static implicit operator Prepared(ErrorCode error) => new(null, error);
}
