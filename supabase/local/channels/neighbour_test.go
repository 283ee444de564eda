package channels

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/lxzan/gws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/keys"
)

const (
	// neighbourMessages is how many messages the good clients exchange while a bad one does its worst.
	neighbourMessages = 300
	// neighbourPatience is the longest that any of them may take. Alone they take less than a millisecond; the rest is
	// for a machine that runs other tests as well.
	neighbourPatience = 2 * time.Second
)

// badClient does its worst on one connection, until it breaks.
type badClient func(ctx context.Context, conn *gws.Conn) error

// TestABadClientHarmsOnlyItself measures two good clients while a bad one is at work, which comes back whenever the
// server cuts it off.
func TestABadClientHarmsOnlyItself(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]badClient{
		"floods with joins, presence and broadcasts and reads nothing": flood,
		"floods with large frames":                                     floodLarge,
		"tries again at once whenever a join is refused":               insist,
		"joins the room of the good ones and reads nothing":            stall,
		"stops in the middle of a frame":                               stopHalfway,
		"sends frames of garbage":                                      babble,
		"sends bytes that are no frames":                               scribble,
	} {
		t.Run("that "+name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, Options{MaxQueuedBytes: 1 << 20, RefusalDelay: 50 * time.Millisecond})
			sender, listener := r.dial(t, "2.0.0"), r.dial(t, "2.0.0")
			joinRef := sender.mustJoin("realtime:good", `{"broadcast":{"ack":true}}`)
			listener.mustJoin("realtime:good", `{}`)
			r.harass(t, bad)
			for i := range neighbourMessages {
				payload := fmt.Sprintf(`{"n":%d,"filler":"%01000d"}`, i, 0)
				sent := time.Now()
				sender.sendBinary(userPush(joinRef, "2", "realtime:good", "e", 1, payload))
				listener.expect(userBroadcast("realtime:good", "e", 1, payload))
				sender.expect(`["` + joinRef + `","2","realtime:good","phx_reply",{"status":"ok","response":{}}]`)
				require.Less(t, time.Since(sent), neighbourPatience, "message %d", i)
			}
			sender.expectNothing()
			listener.expectNothing()
		})
	}
}

// harass starts the bad client and returns when it has begun.
func (r *rig) harass(t *testing.T, bad badClient) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	begun := make(chan struct{})
	running.Go(func() {
		begin := sync.OnceFunc(func() { close(begun) })
		for ctx.Err() == nil {
			conn := r.upgrade(t, &gws.BuiltinEventHandler{}, "2.0.0", keys.Publishable)
			stop := context.AfterFunc(ctx, func() { _ = conn.NetConn().Close() })
			begin()
			if err := bad(ctx, conn); err == nil {
				assert.Fail(t, "a bad client does not end by itself")
			}
			stop()
			_ = conn.NetConn().Close()
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	<-begun
}

func flood(_ context.Context, conn *gws.Conn) error {
	for i := 0; ; i++ {
		for _, frame := range []string{
			`["1","1","realtime:%d","phx_join",{"config":{"broadcast":{"self":true},"presence":{"enabled":true}}}]`,
			`["1","2","realtime:%d","presence",{"event":"track","payload":{"a":1}}]`,
			`["1","3","realtime:%d","broadcast",{"event":"e","payload":{}}]`,
			`["1","4","realtime:%d","nonsense",{}]`,
		} {
			if err := conn.WriteMessage(gws.OpcodeText, fmt.Appendf(nil, frame, i%150)); err != nil {
				return err
			}
		}
	}
}

func floodLarge(_ context.Context, conn *gws.Conn) error {
	large := userPush("1", "2", "realtime:large", "e", 0, string(make([]byte, 2_000_000)))
	if err := conn.WriteString(`["1","1","realtime:large","phx_join",{"config":{"broadcast":{"self":true}}}]`); err != nil {
		return err
	}
	for {
		if err := conn.WriteMessage(gws.OpcodeBinary, large); err != nil {
			return err
		}
	}
}

func insist(_ context.Context, conn *gws.Conn) error {
	for {
		if err := conn.WriteString(`["1","1","realtime:secret","phx_join",{"config":{"private":true}}]`); err != nil {
			return err
		}
	}
}

func stall(ctx context.Context, conn *gws.Conn) error {
	if err := conn.WriteString(`["1","1","realtime:good","phx_join",{}]`); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

func stopHalfway(ctx context.Context, conn *gws.Conn) error {
	// A masked text frame of 126 bytes or more, of which half the length and nothing of the rest ever comes.
	if _, err := conn.NetConn().Write([]byte{0x81, 0xfe, 0x01}); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

func babble(_ context.Context, conn *gws.Conn) error {
	random := rand.New(rand.NewPCG(1, 2))
	garbage := make([]byte, 300)
	for {
		for i := range garbage {
			garbage[i] = byte(random.Uint32())
		}
		garbage[0] = byte(random.IntN(6)) // every kind of binary frame, and some that do not exist
		for opcode, data := range map[gws.Opcode][]byte{
			gws.OpcodeBinary: garbage[:random.IntN(len(garbage))],
			gws.OpcodeText:   fmt.Appendf(nil, `[%q,{},"realtime:good","phx_join",%x]`, garbage[:5], garbage[:20]),
		} {
			if err := conn.WriteMessage(opcode, data); err != nil {
				return err
			}
		}
	}
}

func scribble(_ context.Context, conn *gws.Conn) error {
	random := rand.New(rand.NewPCG(1, 2))
	garbage := make([]byte, 1000)
	for {
		for i := range garbage {
			garbage[i] = byte(random.Uint32())
		}
		if _, err := conn.NetConn().Write(garbage); err != nil {
			return err
		}
	}
}
