using System.Globalization;
using Okapi.Simulation;

var campaign = new Campaign();
for (int i = 0; i < args.Length; i++)
{
    switch (args[i])
    {
        case "--from":
            campaign.From = Number(++i);
            break;
        case "--seeds":
            campaign.Count = Number(++i);
            break;
        case "--seed":
            (campaign.From, campaign.Count, campaign.IsTraced) = (Number(++i), 1, true);
            break;
        case "--digests":
            campaign.TellsDigests = true;
            break;
        case "--bytes":
            // Of each so many bytes one, beginning with the second number.
            (campaign.EachByte, campaign.FirstByte) = (Number(++i), Number(++i));
            break;
        case "--byte":
            campaign.Byte = args[++i];
            campaign.IsTraced = true;
            break;
        default:
            Console.Error.WriteLine($"What is {args[i]}? See eng/simulate.");
            return 2;
    }
}

return campaign.Run();

long Number(int at) => long.Parse(args[at], CultureInfo.InvariantCulture);
