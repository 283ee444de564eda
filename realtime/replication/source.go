package replication

import (
	"context"
	"errors"
	"log/slog"
)

// Source says how events are taken from the database.
type Source string

// The sources. With SourceAuto a process streams, and polls for as long as the database does not let it.
const (
	SourceAuto   Source = "auto"
	SourceStream Source = "stream"
	SourcePoll   Source = "poll"
)

// cannotStream reports whether err says that this database cannot be streamed from by this process, now, although it answers.
func cannotStream(err error) bool {
	return isAny(err, ErrReplicationRefused, ErrWALLevel, ErrNoFreeSlot)
}

// turn decides, after an attempt has ended with err, whether the next one is of the other kind, at once.
func (r *runner) turn(ctx context.Context, err error) bool {
	switch {
	case r.polling && errors.Is(err, errMayStream):
		r.polling = false
		return true
	case !r.polling && r.source == SourceAuto && (cannotStream(err) || r.onlyPollReachable(ctx, err)):
		r.polling = true
		r.reportPolling(ctx, err)
		return true
	default:
		return false
	}
}

// onlyPollReachable reports whether the direct address is out of reach while the other one answers: a host without IPv6
// cannot reach Supabase's direct address at all. When neither answers the database is away, and streaming is tried on.
func (r *runner) onlyPollReachable(ctx context.Context, err error) bool {
	if !errors.Is(err, ErrUnreachable) || r.options.PollURL == r.options.URL {
		return false
	}
	conn, err := connectSQL(ctx, r.pollConfig)
	if err != nil {
		return false
	}
	closeSQL(ctx, conn)
	return true
}

// reportPolling says why and what to do, once for each reason: the look for a way back ends with the same one each time.
func (r *runner) reportPolling(ctx context.Context, reason error) {
	level := slog.LevelDebug
	if reason.Error() != r.pollReason {
		level, r.pollReason = slog.LevelWarn, reason.Error()
	}
	r.options.Logger.LogAttrs(ctx, level, "streaming is not possible, so the outbox is polled; writers pay for notifications",
		slog.Any("err", reason))
}
