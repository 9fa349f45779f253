// What works on a network: whoever has its turn. That is the thread here, which waits for sockets and timers, or the thread of a guest that
// sends: it forwards its frames itself where nobody else has the turn, so that a frame and the answer to it cost no change of threads.
using System.Net;
using System.Net.Sockets;
using Runtime.Time;

namespace Runtime.Network;

/// <summary>A socket that the network's thread waits for. All is called by who has the network's turn.</summary>
public interface ISocketUser
{
    /// <summary>Null while there is none.</summary>
    Socket? Socket { get; }

    bool WantsToRead { get; }

    bool WantsToWrite { get; }

    void Readable();

    void Writable();
}

/// <summary>Runs a <see cref="VirtualSwitch"/> and what is connected to it. Members are for who has the turn, but for those that say otherwise.
/// Disposing it ends the thread.</summary>
public sealed class NetworkThread : IDisposable
{
    /// <summary>Frames between two looks at sockets and timers; a guest's thread forwards no more than this before it is the network's again.</summary>
    private const int Budget = 256;

    /// <summary>Times that what came of frames is forwarded at once.</summary>
    private const int Rounds = 3;

    private readonly Lock _turn = new();
    private readonly List<ISocketUser> _users = [];
    private readonly List<ITimedDevice> _timers = [];
    private readonly List<Action> _rounds = [];
    private readonly List<Socket> _closing = [];
    private readonly List<Wish> _awaited = [];
    private readonly Socket _waker;
    private readonly byte[] _wakeByte = new byte[1];
    private readonly IClock _clock;
    private readonly Thread _thread;
    private long _sleepsUntil;
    private int _isAsleep;
    private volatile bool _isRunning;

    public NetworkThread(IClock clock)
    {
        _clock = clock;
        Switch = new VirtualSwitch(Serve);

        // A socket that sends to itself: the portable way out of a wait for sockets.
        _waker = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        _waker.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _waker.Connect(_waker.LocalEndPoint!);
        _waker.Blocking = false;
        _thread = new Thread(Run) { Name = "network", IsBackground = true };
    }

    public VirtualSwitch Switch { get; }

    public IClock Clock => _clock;

    /// <summary>Called on the network's thread, in its turn, each time before it waits.</summary>
    public Action? Worked { get; set; }

    /// <summary>Begins, once everything that is there from the start is connected.</summary>
    public void Start()
    {
        _isRunning = true;
        _thread.Start();
    }

    /// <summary>Has something done in the turn. Safe from any thread.</summary>
    public void Invoke(Action action)
    {
        using (_turn.EnterScope())
        {
            action();
        }

        Rouse();
    }

    public void Watch(ISocketUser user) => _users.Add(user);

    public void Forget(ISocketUser user) => _users.Remove(user);

    /// <summary>Disposes a socket whose user was forgotten, when nobody waits for it any more.</summary>
    public void Close(Socket socket)
    {
        if (_isRunning)
        {
            _closing.Add(socket);
        }
        else
        {
            socket.Dispose();
        }
    }

    public void AddTimer(ITimedDevice timer) => _timers.Add(timer);

    /// <summary>Something to do after each round of frames and sockets: what can be put off and gathered.</summary>
    public void AfterRounds(Action action) => _rounds.Add(action);

    /// <summary>Nothing is forwarded afterwards. Safe from any thread.</summary>
    public void Dispose()
    {
        _isRunning = false;
        Rouse();
        if (_thread.IsAlive)
        {
            _thread.Join();
        }

        using (_turn.EnterScope())
        {
            CloseForgotten();
        }

        _waker.Dispose();
    }

    /// <summary>Frames wait that waited for nobody before. Who has the turn, if not the caller, finds them when he gives it back.</summary>
    private void Serve()
    {
        if (_turn.IsHeldByCurrentThread || !_isRunning || !_turn.TryEnter())
        {
            return;
        }

        bool isNeeded;
        try
        {
            isNeeded = _isRunning && (Round() || HasNews());
        }
        finally
        {
            _turn.Exit();
        }

        Interlocked.MemoryBarrier();
        if (isNeeded || Switch.HasWork)
        {
            Rouse();
        }
    }

    /// <summary>Gets the thread out of its wait.</summary>
    private void Rouse()
    {
        if (Interlocked.Exchange(ref _isAsleep, 0) != 0)
        {
            try
            {
                _waker.Send(_wakeByte);
            }
            catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
            {
                // The buffer is full: it is awake. Or it has ended.
            }
        }
    }

    private void Run()
    {
        List<Socket> reading = [], writing = [];
        while (_isRunning)
        {
            bool isBusy;
            using (_turn.EnterScope())
            {
                Attend(reading, writing);
                isBusy = Round();
                CloseForgotten();
                Worked?.Invoke();
                ListSockets(reading, writing);
                _sleepsUntil = NextDeadline();
                Volatile.Write(ref _isAsleep, 1);
            }

            Interlocked.MemoryBarrier();
            bool mayWait = !isBusy && !Switch.HasWork && _isRunning;
            Socket.Select(reading, writing, null, mayWait ? Timeout() : 0);
            Volatile.Write(ref _isAsleep, 0);
        }
    }

    /// <summary>Forwards what waits, and what comes of it. True when there is more.</summary>
    private bool Round()
    {
        bool isBusy = true;
        for (int i = 0; i < Rounds && isBusy; i++)
        {
            bool isLeft = Switch.Forward(Budget);
            Advance();
            _rounds.ForEach(round => round()); // last, since it looks after what the frames have left to do
            isBusy = isLeft || Switch.HasWork;
        }

        return isBusy;
    }

    private void Advance()
    {
        long now = _clock.Now;
        foreach (ITimedDevice timer in _timers)
        {
            if (timer.NextDeadline <= now)
            {
                timer.Advance(now);
            }
        }
    }

    /// <summary>Whether the thread waits for something else than it would have to.</summary>
    private bool HasNews()
    {
        if (_closing.Count > 0 || _users.Count != _awaited.Count || NextDeadline() < _sleepsUntil)
        {
            return true;
        }

        for (int i = 0; i < _users.Count; i++)
        {
            if (_awaited[i] != Wish.Of(_users[i]))
            {
                return true;
            }
        }

        return false;
    }

    private void ListSockets(List<Socket> reading, List<Socket> writing)
    {
        _awaited.Clear();
        reading.Clear();
        writing.Clear();
        reading.Add(_waker);
        foreach (ISocketUser user in _users)
        {
            var wish = Wish.Of(user);
            _awaited.Add(wish);
            if (wish is { Socket: Socket readable, Reads: true })
            {
                reading.Add(readable);
            }

            if (wish is { Socket: Socket writable, Writes: true })
            {
                writing.Add(writable);
            }
        }
    }

    /// <summary>Lets those read and write whose sockets are ready and who still want to.</summary>
    private void Attend(List<Socket> reading, List<Socket> writing)
    {
        foreach (Socket socket in reading)
        {
            if (socket == _waker)
            {
                _waker.Receive(_wakeByte, SocketFlags.None, out _); // one datagram for each sleep
            }
            else if (_users.Find(user => user.Socket == socket) is { WantsToRead: true } reader)
            {
                reader.Readable();
            }
        }

        foreach (Socket socket in writing)
        {
            if (_users.Find(user => user.Socket == socket) is { WantsToWrite: true } writer)
            {
                writer.Writable();
            }
        }
    }

    private void CloseForgotten()
    {
        _closing.ForEach(socket => socket.Dispose());
        _closing.Clear();
    }

    private long NextDeadline()
    {
        long next = DeadlineQueue.Never;
        foreach (ITimedDevice timer in _timers)
        {
            next = Math.Min(next, timer.NextDeadline);
        }

        return next;
    }

    /// <summary>Microseconds to the next timer, a minute at most. Whole milliseconds, since that is what the framework waits in on Unix: less
    /// would be no wait at all.</summary>
    private int Timeout()
    {
        const long minute = 60_000, millisecond = 1_000_000;
        long left = _sleepsUntil == DeadlineQueue.Never ? minute : (_sleepsUntil - _clock.Now + millisecond - 1) / millisecond;
        return (int)Math.Clamp(left, 0, minute) * 1000;
    }

    /// <summary>What a user wants of its socket at the moment.</summary>
    private readonly record struct Wish(Socket? Socket, bool Reads, bool Writes)
    {
        public static Wish Of(ISocketUser user) => new(user.Socket, user.WantsToRead, user.WantsToWrite);
    }
}
