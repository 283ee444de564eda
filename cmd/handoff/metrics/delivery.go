package metrics

import (
	"time"

	"github.com/supportbase/handoff/realtime/broadcast"
	"github.com/supportbase/handoff/realtime/phoenix"
	"github.com/supportbase/handoff/realtime/replication"
)

// This file is about the way of an event from its commit to Realtime.

func ofStream(read func() replication.Stats) part[replication.Stats] {
	type stats = replication.Stats
	return part[stats]{read: read, metrics: []metric[stats]{
		made(Entry{
			Name: "handoff_stream_state", Type: typeGauge, Unit: "0 or 1", Labels: []string{"state"},
			Help: "1 for the state that the stream is in, 0 for the others.",
		}, func(s stats, to sampler) {
			for _, state := range replication.States() {
				to.value(yes(s.State == state), state.String())
			}
		}),
		counter("handoff_stream_events_total", "events", "Events taken from the database.", func(s stats) uint64 { return s.Events }),
		counter("handoff_stream_transactions_total", "transactions", "Transactions, or parts of large ones, that the events came in.", func(s stats) uint64 { return s.Transactions }),
		counter("handoff_stream_bytes_total", "bytes", "Log that was read; when polling, payloads.", func(s stats) uint64 { return s.Bytes }),
		counter("handoff_stream_resent_events_total", "events", "Events read from the table because a slot had been lost.", func(s stats) uint64 { return s.Resent }),
		counter("handoff_stream_slot_losses_total", "losses", "Replication slots lost and made again.", func(s stats) uint64 { return s.Losses }),
		gauge("handoff_stream_lag_bytes", "bytes", "Log written but not confirmed by this worker; 0 without a stream.", func(s stats) float64 { return float64(s.LagBytes()) }),
		moment("handoff_stream_last_commit_timestamp_seconds", "When the last event that arrived was committed, by the database's clock; 0 before the first.", func(s stats) time.Time { return s.LastCommit }),
	}}
}

func ofBridge(read func() broadcast.Stats) part[broadcast.Stats] {
	type stats = broadcast.Stats
	return part[stats]{read: read, metrics: []metric[stats]{
		gauge("handoff_bridge_pending_messages", "messages", "Messages that Realtime has not acknowledged yet.", func(s stats) float64 { return float64(s.Pending) }),
		gauge("handoff_bridge_pending_bytes", "bytes", "Payloads held for the pending messages.", func(s stats) float64 { return float64(s.PendingBytes) }),
		gauge("handoff_bridge_failing_topics", "topics", "Topics whose last attempt failed; they are tried again.", func(s stats) float64 { return float64(s.FailingTopics) }),
		gauge("handoff_bridge_oldest_pending_seconds", "seconds", "Age of the oldest transaction that is not delivered: the lag that users see. 0 when there is none.", func(s stats) float64 { return since(s.OldestCommit) }),
		counter("handoff_bridge_transactions_total", "transactions", "Transactions given to the bridge.", func(s stats) uint64 { return s.Transactions }),
		counter("handoff_bridge_received_messages_total", "messages", "Messages made of events.", func(s stats) uint64 { return s.Received }),
		counter("handoff_bridge_published_messages_total", "messages", "Messages acknowledged by Realtime.", func(s stats) uint64 { return s.Published }),
		counter("handoff_bridge_parked_messages_total", "messages", "Messages given up and kept as dead letters.", func(s stats) uint64 { return s.Parked }),
		counter("handoff_bridge_retries_total", "attempts", "Attempts that failed and came again.", func(s stats) uint64 { return s.Retried }),
		counter("handoff_bridge_coalesced_messages_total", "messages", "State messages replaced by a newer one before they were sent.", func(s stats) uint64 { return s.Coalesced }),
		histogram("handoff_bridge_delivery_seconds", "From the commit, by the database's clock, to the bridge, by the worker's.", func(s stats) broadcast.Latency { return s.ToDelivery }),
		histogram("handoff_bridge_acknowledgement_seconds", "From the bridge to Realtime's acknowledgement, attempts and rests included.", func(s stats) broadcast.Latency { return s.ToAcknowledgement }),
	}}
}

func ofTransport(read func() broadcast.FailoverStats) part[broadcast.FailoverStats] {
	type stats = broadcast.FailoverStats
	return part[stats]{read: read, metrics: []metric[stats]{
		gauge("handoff_transport_fallback", "0 or 1", "1 while everything goes over HTTP because no socket is up.", func(s stats) float64 { return yes(s.Out) }),
		gauge("handoff_transport_detours", "topics", "Topics that go over HTTP for failures of their own on the socket.", func(s stats) float64 { return float64(s.Detours) }),
		counter("handoff_transport_fallbacks_total", "fallbacks", "How often HTTP had to stand in for the sockets.", func(s stats) uint64 { return s.Switches }),
		counter("handoff_transport_cold_messages_total", "messages", "Messages that went over HTTP because their topic had no channel and would have waited for one.", func(s stats) uint64 { return s.Cold }),
		made(Entry{
			Name: "handoff_transport_messages_total", Type: typeCounter, Unit: "messages", Labels: []string{"way"},
			Help: "Messages acknowledged, by the way they went: websocket or http.",
		}, func(s stats, to sampler) {
			to.value(float64(s.Primary), "websocket")
			to.value(float64(s.Secondary), "http")
		}),
	}}
}

func ofRealtime(read func() phoenix.Stats) part[phoenix.Stats] {
	type stats = phoenix.Stats
	return part[stats]{read: read, metrics: []metric[stats]{
		gauge("handoff_realtime_connections", "connections", "Sockets to Realtime that are up.", func(s stats) float64 { return float64(s.Connected) }),
		gauge("handoff_realtime_connections_wanted", "connections", "Sockets that are kept up.", func(s stats) float64 { return float64(s.Connections) }),
		gauge("handoff_realtime_channels", "channels", "Channels joined, or being joined or left.", func(s stats) float64 { return float64(s.Channels) }),
		gauge("handoff_realtime_channels_waiting", "channels", "Channels that wait for a place or for the pace of joins.", func(s stats) float64 { return float64(s.Waiting) }),
		gauge("handoff_realtime_pushes_in_flight", "messages", "Messages sent over sockets without an answer yet.", func(s stats) float64 { return float64(s.InFlight) }),
		counter("handoff_realtime_connects_total", "connections", "Sockets opened.", func(s stats) uint64 { return s.Connects }),
		counter("handoff_realtime_joins_total", "joins", "Joins accepted.", func(s stats) uint64 { return s.Joins }),
		counter("handoff_realtime_refused_joins_total", "joins", "Joins refused.", func(s stats) uint64 { return s.RefusedJoins }),
		counter("handoff_realtime_evictions_total", "channels", "Channels left to make place for another.", func(s stats) uint64 { return s.Evictions }),
		counter("handoff_realtime_pushes_total", "messages", "Messages sent over sockets.", func(s stats) uint64 { return s.Pushes }),
		counter("handoff_realtime_acknowledged_pushes_total", "messages", "Of those, acknowledged.", func(s stats) uint64 { return s.Acknowledged }),
		counter("handoff_realtime_refused_pushes_total", "messages", "Of those, refused.", func(s stats) uint64 { return s.Refused }),
		counter("handoff_realtime_timeouts_total", "calls", "Calls that got no answer in time.", func(s stats) uint64 { return s.Timeouts }),
		ofPaces("handoff_realtime_slowdowns_total", typeCounter, "times", "How often a limit of Realtime halved a pace.",
			func(s stats) (joins, messages float64) { return float64(s.SlowedJoins), float64(s.SlowedMessages) }),
		ofPaces("handoff_realtime_pace", typeGauge, "a second", "The most that is sent a second now.",
			func(s stats) (joins, messages float64) { return s.JoinsPerSecond, s.MessagesPerSecond }),
	}}
}

func ofPaces(name, kind, unit, help string, read func(phoenix.Stats) (joins, messages float64)) metric[phoenix.Stats] {
	entry := Entry{Name: name, Type: kind, Unit: unit, Labels: []string{"of"}, Help: help + " By what is paced: joins or messages."}
	return made(entry, func(s phoenix.Stats, to sampler) {
		joins, messages := read(s)
		to.value(joins, "joins")
		to.value(messages, "messages")
	})
}
