// The thread of a network: forwards what guests send, and waits for sockets and timers in between. Everything in this room but what says
// otherwise happens on it.
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Runtime.Time;

namespace Runtime.Network;

/// <summary>A socket that the network's thread waits for.</summary>
public interface ISocketUser
{
    /// <summary>Null while there is none.</summary>
    Socket? Socket { get; }

    bool WantsToRead { get; }

    bool WantsToWrite { get; }

    void Readable();

    void Writable();
}

/// <summary>Runs a <see cref="VirtualSwitch"/> and what is connected to it. Disposing it ends the thread.</summary>
public sealed class NetworkThread : IDisposable
{
    /// <summary>Frames between two looks at sockets and timers.</summary>
    private const int Budget = 256;

    private readonly ConcurrentQueue<Action> _posted = new();
    private readonly List<ISocketUser> _users = [];
    private readonly List<ITimedDevice> _timers = [];
    private readonly List<Action> _rounds = [];
    private readonly Socket _waker;
    private readonly byte[] _wakeByte = new byte[1];
    private readonly IClock _clock;
    private readonly Thread _thread;
    private int _isAsleep;
    private volatile bool _isStopped;

    public NetworkThread(IClock clock)
    {
        _clock = clock;
        Switch = new VirtualSwitch(Wake);

        // A socket that sends to itself: the portable way out of a wait for sockets.
        _waker = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        _waker.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _waker.Connect(_waker.LocalEndPoint!);
        _waker.Blocking = false;
        _thread = new Thread(Run) { Name = "network", IsBackground = true };
    }

    public VirtualSwitch Switch { get; }

    public IClock Clock => _clock;

    /// <summary>Begins, once everything that is there from the start is connected.</summary>
    public void Start() => _thread.Start();

    /// <summary>Has something done on this thread. Safe from any thread.</summary>
    public void Post(Action action)
    {
        _posted.Enqueue(action);
        Wake();
    }

    /// <summary>The same, and returns when it is done. Not from this thread.</summary>
    public void Invoke(Action action)
    {
        if (!_thread.IsAlive)
        {
            action();
            return;
        }

        using var done = new ManualResetEventSlim();
        Post(() =>
        {
            action();
            done.Set();
        });
        done.Wait();
    }

    public void Watch(ISocketUser user) => _users.Add(user);

    public void Forget(ISocketUser user) => _users.Remove(user);

    public void AddTimer(ITimedDevice timer) => _timers.Add(timer);

    /// <summary>Something to do after each round of frames and sockets: what can be put off and gathered.</summary>
    public void AfterRounds(Action action) => _rounds.Add(action);

    public void Dispose()
    {
        _isStopped = true;
        Wake();
        if (_thread.IsAlive)
        {
            _thread.Join();
        }

        _waker.Dispose();
    }

    private void Wake()
    {
        if (Interlocked.Exchange(ref _isAsleep, 0) != 0)
        {
            try
            {
                _waker.Send(_wakeByte);
            }
            catch (SocketException)
            {
                // The buffer is full: it is awake.
            }
        }
    }

    private void Run()
    {
        while (!_isStopped)
        {
            while (_posted.TryDequeue(out Action? action))
            {
                action();
            }

            bool isBusy = Switch.Forward(Budget);
            Advance();
            _rounds.ForEach(round => round());
            WaitForSockets(isBusy);
        }
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

    private void WaitForSockets(bool isBusy)
    {
        Volatile.Write(ref _isAsleep, isBusy ? 0 : 1);
        Interlocked.MemoryBarrier();
        bool mayWait = !isBusy && _posted.IsEmpty && !Switch.HasWork && !_isStopped;
        List<Socket> reading = [_waker];
        List<Socket> writing = [];
        var owners = new Dictionary<Socket, ISocketUser>();
        foreach (ISocketUser user in _users)
        {
            if (user.Socket is not Socket socket)
            {
                continue;
            }

            owners[socket] = user;
            if (user.WantsToRead)
            {
                reading.Add(socket);
            }

            if (user.WantsToWrite)
            {
                writing.Add(socket);
            }
        }

        Socket.Select(reading, writing, null, mayWait ? Timeout() : 0);
        Volatile.Write(ref _isAsleep, 0);
        foreach (Socket socket in reading)
        {
            if (socket == _waker)
            {
                _waker.Receive(_wakeByte, SocketFlags.None, out _); // one datagram for each sleep
            }
            else if (owners.TryGetValue(socket, out ISocketUser? user) && user.Socket == socket)
            {
                user.Readable();
            }
        }

        foreach (Socket socket in writing)
        {
            if (owners.TryGetValue(socket, out ISocketUser? user) && user.Socket == socket)
            {
                user.Writable();
            }
        }
    }

    /// <summary>Microseconds to the next timer, a minute at most.</summary>
    private int Timeout()
    {
        long next = DeadlineQueue.Never;
        foreach (ITimedDevice timer in _timers)
        {
            next = Math.Min(next, timer.NextDeadline);
        }

        const long minute = 60_000_000;
        return next == DeadlineQueue.Never ? (int)minute : (int)Math.Clamp((next - _clock.Now) / 1000 + 1, 0, minute);
    }
}
