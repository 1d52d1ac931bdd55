// Plays the demonstration for some seconds: runs, jumps, shoots, talks, asks, and prints what came of it.
//
//   mcs -unsafe -out:play.exe *.cs examples/*.cs
//   LD_LIBRARY_PATH=FOLDER_OF_THE_LIBRARY mono play.exe 127.0.0.1:3565 KEY 20 [MAP]
//
// MAP is the server's map file, if it has one.
//
// Ends with 0 only if it entered the world, saw others, had answers, heard itself, predicted well, did not allocate per frame,
// and nothing failed.
using System;
using System.IO;
using Ringshard;

internal sealed class Play
{
    private const int TicksPerSecond = 60, OthersMax = 256;
    /// Frames of the test for allocations.
    private const int QuietFrames = 20000;

    private readonly Client<DemoInput, DemoOwn, DemoShown> client;
    private readonly Other<DemoShown>[] others = new Other<DemoShown>[OthersMax];
    private readonly Writer writer = new Writer();
    private readonly Random random = new Random(1);
    private DemoInput input;
    private bool entered, closed;
    private int inputs, asked, answers, unanswered, heard, spawned, othersMost, failures;
    private float walked, lastX, lastY;

    private Play(Terrain terrain, string server, string key)
    {
        client = new Client<DemoInput, DemoOwn, DemoShown>(new DemoRules(terrain), server, key);
    }

    private static int Main(string[] words)
    {
        if (words.Length < 2 || words.Length > 4)
        {
            Console.Error.WriteLine("Usage: play HOST:PORT KEY [SECONDS [MAP]]");
            return 2;
        }
        int seconds = words.Length >= 3 ? int.Parse(words[2]) : 10;
        try
        {
            using (Terrain terrain = words.Length == 4 ? Terrain.Read(File.ReadAllBytes(words[3])) : Terrain.Flat())
            {
                Play play = new Play(terrain, words[0], words[1]);
                using (play.client) return play.Run(seconds) ? 0 : 1;
            }
        }
        catch (RingshardException exception)
        {
            Console.Error.WriteLine("play: " + exception.Message);
            return 1;
        }
    }

    private bool Run(int seconds)
    {
        // 60 inputs per second; a client that never gets in is ended by NewsKind.Closed.
        while (inputs < seconds * TicksPerSecond && !closed)
        {
            Frame();
            client.Wait(16);
        }
        bool good = Verdict();
        int collections = closed ? 0 : Collections();
        Console.WriteLine("garbage collections in {0} frames: {1}", QuietFrames, collections);
        good = good && collections == 0;
        Console.WriteLine(good ? "passed" : "FAILED");
        return good;
    }

    private void Frame()
    {
        for (int due = client.Poll(); due > 0; due--)
        {
            Decide();
            client.Input(ref input);
            inputs++;
            if (client.IsInWorld) Talk();
        }
        News news;
        while (client.Next(out news)) Take(ref news);
        Look();
        client.Flush();
    }

    /// Runs in a direction for a while, and jumps and shoots now and then.
    private void Decide()
    {
        if (inputs % 45 == 0) input.Yaw = (ushort)random.Next(65536);
        input.Forward = 127;
        input.Keys = inputs % 100 == 0 ? (byte)(Steering.Run | Steering.Jump) : Steering.Run;
        input.Actions = inputs % 40 == 0 ? DemoInput.Shoot : (byte)0;
    }

    private void Talk()
    {
        if (inputs % (2 * TicksPerSecond) == 0)
        {
            writer.Clear().U8(DemoEvent.Say).Text("Hello from C#: grüß dich");
            if (!client.Tell(Channel.ReliableOrdered, writer)) failures++;
        }
        if (inputs % TicksPerSecond == 30)
        {
            uint id;
            writer.Clear().U8(inputs % 4 == 0 ? DemoAsk.Hide : DemoAsk.Drink);
            if (client.Ask(writer, out id)) asked++;
            else failures++;
        }
    }

    private void Take(ref News news)
    {
        switch (news.Kind)
        {
            case NewsKind.Entered: entered = true; break;
            case NewsKind.Spawned: spawned++; break;
            case NewsKind.Answer: TakeAnswer(news.Message); break;
            case NewsKind.Unanswered: unanswered++; break;
            case NewsKind.Event: TakeEvent(news.Message); break;
            case NewsKind.Refused:
            case NewsKind.PutOut:
            case NewsKind.WrongSchema:
            case NewsKind.Closed:
                Console.Error.WriteLine("play: {0}: reason {1} {2}", news.Kind, news.Reason, news.Text);
                closed = true;
                break;
        }
    }

    private void TakeAnswer(Reader answer)
    {
        byte kind = answer.U8();
        if (kind == DemoAnswer.Drunk) { answer.U8(); answer.U8(); }
        if (kind == DemoAnswer.Hidden) { answer.U16(); answer.U8(); }
        if (kind == DemoAnswer.Refused && answer.U8() == 4) answer.U16();
        if (answer.Failed || kind > DemoAnswer.Refused) failures++;
        answers++;
    }

    private void TakeEvent(Reader message)
    {
        if (message.U8() == DemoEvent.Said && message.Entity() == client.Body)
        {
            string text = message.Text();
            if (message.Failed || text != "Hello from C#: grüß dich") failures++;
            heard++;
        }
    }

    private void Look()
    {
        int count = client.Others(others);
        othersMost = Math.Max(othersMost, count);
        for (int at = 0; at < count && at < OthersMax; at++)
        {
            DemoShown shown;
            Pose pose;
            bool known = client.ShownOf(others[at].Entity, out shown) && client.PoseOf(others[at].Entity, out pose)
                && shown.Health == others[at].Shown.Health && shown.Score == others[at].Shown.Score
                && pose.X == others[at].Pose.X && pose.Yaw == others[at].Pose.Yaw;
            if (!known) failures++;
        }
        DemoOwn own;
        Pose ownPose;
        if (!client.Own(out own, out ownPose)) return;
        float moved = Math.Abs(own.X - lastX) + Math.Abs(own.Y - lastY);
        // It was put elsewhere.
        if (moved < 100f) walked += moved;
        lastX = own.X;
        lastY = own.Y;
    }

    private bool Verdict()
    {
        Stats stats = client.Stats;
        Console.WriteLine("inputs {0}, snapshots {1}, refused {2}, malformed {3}", inputs, stats.Snapshots,
            stats.SnapshotsRefused, stats.Malformed);
        Console.WriteLine("predicted {0}, mispredicted {1}, worst correction {2:0.0} units", stats.Predicted,
            stats.Mispredicted, stats.WorstCorrection);
        Console.WriteLine("others at most {0}, spawned {1}; asked {2}, answers {3}, unanswered {4}; heard {5}, walked {6:0} units",
            othersMost, spawned, asked, answers, unanswered, heard, walked);
        Console.WriteLine("failures {0}, round trip {1:0.0} ms", failures, client.Clock.RoundTripMs);
        bool predicts = stats.Predicted > 0 && stats.Mispredicted * 10 <= stats.Predicted;
        return entered && !closed && othersMost > 0 && answers > 0 && unanswered == 0 && heard > 0 && walked > 1000f
            && failures == 0 && predicts && stats.SnapshotsRefused == 0 && stats.Malformed == 0;
    }

    /// Garbage collections while frames do nothing but the client's part.
    private int Collections()
    {
        GC.Collect();
        int before = GC.CollectionCount(0);
        for (int frame = 0; frame < QuietFrames && !closed; frame++)
        {
            for (int due = client.Poll(); due > 0; due--) client.Input(ref input);
            News news;
            while (client.Next(out news)) closed = closed || news.Kind == NewsKind.Closed;
            client.Others(others);
            DemoOwn own;
            Pose pose;
            DemoShown shown;
            client.Own(out own, out pose);
            client.ShownOf(others[0].Entity, out shown);
            client.Flush();
        }
        return GC.CollectionCount(0) - before;
    }
}
