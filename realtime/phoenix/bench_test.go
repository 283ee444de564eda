package phoenix_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/realtime/broadcast"
	"github.com/supportbase/handoff/realtime/phoenix"
	"github.com/supportbase/handoff/supabase/local/keys"
)

// benchPayload makes a message of about 200 bytes, which is what a chat message is.
var benchPayload = json.RawMessage(`{"v":1,"id":"1","text":"` + strings.Repeat("x", 170) + `"}`)

// BenchmarkPublish is the client alone against the stand-in's Realtime, called from 32 goroutines.
func BenchmarkPublish(b *testing.B) {
	for _, topics := range []int{1, 1000} {
		b.Run(fmt.Sprintf("topics=%d", topics), func(b *testing.B) {
			client := newBenchClient(b, topics)
			messages := make([]realtime.Message, topics)
			for i := range messages {
				messages[i] = message(fmt.Sprintf("conversation:bench-%d", i), string(benchPayload))
				require.NoError(b, client.Publish(b.Context(), messages[i]))
			}
			b.SetParallelism(16)
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					if err := client.Publish(b.Context(), messages[i%topics]); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// BenchmarkBridge is the whole way from a committed event to its acknowledgement by the stand-in.
func BenchmarkBridge(b *testing.B) {
	for _, topics := range []int{1, 1000} {
		b.Run(fmt.Sprintf("topics=%d", topics), func(b *testing.B) {
			bridge := broadcast.New(broadcast.Options{
				Transport: newBenchClient(b, topics), DeadLetters: make(parkedLetters, 10), Logger: slog.New(slog.DiscardHandler),
			})
			bridge.Start(b.Context())
			position := int64(0)
			deliver := func(conversation int) {
				position++
				event := resolved(realtime.Position(position), position, fmt.Sprintf("bench-%d", conversation), "agent")
				require.NoError(b, bridge.Deliver(b.Context(), event))
			}
			settle := func() {
				for bridge.Pending() > 0 {
					<-bridge.Progress()
				}
			}
			for i := range topics {
				deliver(i)
			}
			settle()
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				deliver(i % topics)
			}
			settle()
			b.StopTimer()
			require.NoError(b, bridge.Stop(b.Context()))
		})
	}
}

// newBenchClient has a place for every topic.
func newBenchClient(b *testing.B, topics int) *phoenix.Client {
	b.Helper()
	client := phoenix.New(benchOptions(newStandIn(b), keys.Secret, topics))
	require.NoError(b, client.Start(b.Context()))
	b.Cleanup(client.Stop)
	require.Eventually(b, func() bool { return client.State() == phoenix.StateConnected }, patience, time.Millisecond)
	return client
}

func benchOptions(address, key string, topics int) phoenix.Options {
	return phoenix.Options{
		URL: address, APIKey: key, Logger: slog.New(slog.DiscardHandler), JoinsPerSecond: 100_000,
		MaxConnections: topics/phoenix.DefaultMaxChannels + 1,
	}
}
