package replication

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Defaults of Options.
const (
	DefaultSlot           = "handoff"
	DefaultPublication    = "handoff_outbox"
	DefaultTable          = "handoff.outbox"
	DefaultStatusInterval = 10 * time.Second
	DefaultDrainTimeout   = 2 * time.Second
)

// Options says where the stream comes from and who hears about it. Only URL is required.
type Options struct {
	// URL is the direct connection to the database, never a pooler: poolers carry no replication. The role needs
	// the REPLICATION attribute and must own the outbox.
	URL string
	// PollURL is the connection for polling, direct or a pooler's in session mode. Default URL.
	PollURL string
	// Source is how events are taken. Default SourceAuto.
	Source Source
	// Slot names the replication slot, which is also the lease: of all processes with the same slot one streams.
	// Default DefaultSlot.
	Slot string
	// Publication names the publication of the outbox; it is made when it is missing. Default DefaultPublication.
	Publication string
	// Table is the outbox, as schema.table. Default DefaultTable.
	Table string
	// Logger gets state changes and failed attempts. Default: nothing is logged.
	Logger *slog.Logger
	// StatusInterval is how often Postgres is told how far the work is when nothing is outstanding; while something
	// is, it is told each second. It is shortened to a third of the server's wal_sender_timeout. Default 10 s.
	StatusInterval time.Duration
	// DrainTimeout is how long Run, once its context has ended, waits for what it delivered to be confirmed, so that
	// the next process does not see it again. Default 2 s; negative: no waiting.
	DrainTimeout time.Duration
	// CheckpointInterval is how often the horizon is noted: about what is sent twice after the loss of a slot. Default
	// 10 s.
	CheckpointInterval time.Duration
	// OnState is told each new state, by one goroutine at a time; it must return quickly. May be nil.
	OnState func(State)
	// OnSlotLost is told that a slot was lost and why, when there is a new one and what the old one did not carry is on its
	// way to deliver. Events older than the outbox's retention may be missing, so the caller should look at what
	// they would have told it. After an error the resend begins again. May be nil.
	OnSlotLost func(ctx context.Context, reason string) error
}

// withDefaults fills what was left empty.
func (o Options) withDefaults() Options {
	o.PollURL = orDefault(o.PollURL, o.URL)
	o.Source = orDefault(o.Source, SourceAuto)
	o.Slot = orDefault(o.Slot, DefaultSlot)
	o.Publication = orDefault(o.Publication, DefaultPublication)
	o.Table = orDefault(o.Table, DefaultTable)
	o.StatusInterval = orDefault(o.StatusInterval, DefaultStatusInterval)
	o.CheckpointInterval = orDefault(o.CheckpointInterval, DefaultCheckpointInterval)
	o.DrainTimeout = orDefault(o.DrainTimeout, DefaultDrainTimeout)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.OnState == nil {
		o.OnState = func(State) {}
	}
	if o.OnSlotLost == nil {
		o.OnSlotLost = func(context.Context, string) error { return nil }
	}
	return o
}

func orDefault[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// tableName is a table with its schema, both as stored (no quotes).
type tableName struct{ schema, table string }

// splitTable reads schema.table. A name without a schema is in public.
func splitTable(text string) tableName {
	schema, table, found := strings.Cut(text, ".")
	if !found {
		return tableName{schema: "public", table: text}
	}
	return tableName{schema: schema, table: table}
}

func (n tableName) String() string {
	return n.schema + "." + n.table
}

// quoted is the name as SQL wants it.
func (n tableName) quoted() string {
	return pgx.Identifier{n.schema, n.table}.Sanitize()
}
