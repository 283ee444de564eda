package replication

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/supportbase/handoff/realtime"
)

var outbox = tableName{schema: "handoff", table: "outbox"}

// The outbox as Postgres describes it, bucket and order of columns included.
var outboxColumns = []string{
	"id", "bucket", "xid", "project_id", "conversation_id", "kind", "seq", "payload", "created_at",
}

// encoder writes what pgoutput writes.
type encoder struct{ out []byte }

func (e *encoder) raw(b ...byte) *encoder { e.out = append(e.out, b...); return e }
func (e *encoder) uint16(v uint16) *encoder {
	e.out = binary.BigEndian.AppendUint16(e.out, v)
	return e
}

func (e *encoder) uint32(v uint32) *encoder {
	e.out = binary.BigEndian.AppendUint32(e.out, v)
	return e
}

func (e *encoder) uint64(v uint64) *encoder {
	e.out = binary.BigEndian.AppendUint64(e.out, v)
	return e
}
func (e *encoder) text(v string) *encoder     { e.out = append(append(e.out, v...), 0); return e }
func (e *encoder) clock(v time.Time) *encoder { return e.uint64(uint64(v.UnixMicro() - year2000)) }
func (e *encoder) value(v string) *encoder {
	return e.raw('t').uint32(uint32(len(v))).raw([]byte(v)...)
}
func message(kind byte) *encoder       { return (&encoder{}).raw(kind) }
func beginMessage(at time.Time) []byte { return message('B').uint64(1).clock(at).uint32(7).out }
func commitMessage(end realtime.Position) []byte {
	return message('C').raw(0).uint64(uint64(end) - 8).uint64(uint64(end)).uint64(0).out
}

func relationMessage(id uint32, table tableName, columns ...string) []byte {
	e := message('R').uint32(id).text(table.schema).text(table.table).raw('d').uint16(uint16(len(columns)))
	for _, column := range columns {
		e.raw(0).text(column).uint32(25).uint32(0xffffffff)
	}
	return e.out
}

func insertMessage(id uint32, event realtime.Event, columns ...string) []byte {
	e := message('I').uint32(id).raw('N').uint16(uint16(len(columns)))
	for _, column := range columns {
		text, null := columnText(event, column)
		if null {
			e.raw('n')
			continue
		}
		e.value(text)
	}
	return e.out
}

func columnText(event realtime.Event, column string) (text string, null bool) {
	switch column {
	case "id":
		return strconv.FormatInt(event.ID, 10), false
	case "xid":
		return strconv.FormatUint(event.XID, 10), false
	case "project_id":
		return event.ProjectID, false
	case "conversation_id":
		return event.ConversationID, event.ConversationID == ""
	case "kind":
		return string(event.Kind), false
	case "seq":
		return strconv.FormatInt(event.Seq, 10), false
	case "payload":
		return string(event.Payload), false
	case "created_at":
		return event.CreatedAt.Format("2006-01-02 15:04:05.999999-07"), false
	default:
		return "3", false
	}
}

func sampleEvent() realtime.Event {
	return realtime.Event{
		ID: 41, XID: 9_000_000_000, ProjectID: "00000000-0000-4000-8000-000000000001",
		ConversationID: "7b0c3c9e-3c0e-4a53-9b67-0a8f4c0f7a11", Kind: realtime.KindMessage, Seq: 3,
		Payload:   []byte(`{"message": {"content": "Grüße, \"you\"", "seq": 3}}`),
		CreatedAt: time.Date(2026, 11, 22, 8, 31, 2, 123456000, time.UTC),
	}
}

// feed decodes messages that must all be understood and gives the transactions.
func feed(t require.TestingT, d *decoder, messages ...[]byte) []realtime.Transaction {
	var got []realtime.Transaction
	for _, each := range messages {
		tx, err := d.decode(each)
		require.NoError(t, err)
		if tx != nil {
			got = append(got, *tx)
		}
	}
	return got
}

func TestDecoderGivesWhatWasWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.Permutation(outboxColumns).Draw(t, "columns")
		want := rapid.SliceOfN(transactions(), 1, 5).Draw(t, "transactions")
		d := newDecoder(outbox)
		messages := [][]byte{relationMessage(9, outbox, columns...)}
		var withEvents []realtime.Transaction
		for _, tx := range want {
			messages = append(messages, beginMessage(tx.CommittedAt))
			for _, event := range tx.Events {
				messages = append(messages, insertMessage(9, event, columns...))
			}
			messages = append(messages, commitMessage(tx.Position))
			if len(tx.Events) > 0 {
				withEvents = append(withEvents, tx)
			}
		}
		require.Equal(t, withEvents, feed(t, d, messages...))
	})
}

func transactions() *rapid.Generator[realtime.Transaction] {
	return rapid.Custom(func(t *rapid.T) realtime.Transaction {
		return realtime.Transaction{
			Position:    realtime.Position(rapid.Uint64Min(8).Draw(t, "position")),
			CommittedAt: clocks().Draw(t, "committed_at"),
			Events:      rapid.SliceOfN(events(), 0, 4).Draw(t, "events"),
		}
	})
}

func events() *rapid.Generator[realtime.Event] {
	return rapid.Custom(func(t *rapid.T) realtime.Event {
		return realtime.Event{
			ID: rapid.Int64().Draw(t, "id"), XID: rapid.Uint64().Draw(t, "xid"),
			ProjectID:      rapid.StringN(1, 36, -1).Draw(t, "project_id"),
			ConversationID: rapid.String().Draw(t, "conversation_id"),
			Kind:           realtime.Kind(rapid.SampledFrom([]string{"message", "resolved", "later_kind"}).Draw(t, "kind")),
			Seq:            rapid.Int64().Draw(t, "seq"),
			Payload:        []byte(fmt.Sprintf("%q", rapid.String().Draw(t, "payload"))),
			CreatedAt:      clocks().Draw(t, "created_at"),
		}
	})
}

func clocks() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		return time.UnixMicro(rapid.Int64Range(0, 4_000_000_000_000_000).Draw(t, "micros")).UTC()
	})
}

func TestDecoderKeepsNothingOfTheBuffer(t *testing.T) {
	t.Parallel()
	d := newDecoder(outbox)
	feed(t, d, relationMessage(9, outbox, outboxColumns...), beginMessage(time.Unix(0, 0)))
	insert := insertMessage(9, sampleEvent(), outboxColumns...)
	feed(t, d, insert)
	clear(insert)
	got := feed(t, d, commitMessage(100))
	require.Equal(t, []realtime.Event{sampleEvent()}, got[0].Events)
}

func TestDecoderGivesALargeTransactionInParts(t *testing.T) {
	t.Parallel()
	for name, each := range map[string]struct {
		payload, events int
		want            []int
	}{
		"by number, the last part empty":  {payload: 10, events: 2 * partEvents, want: []int{partEvents, partEvents, 0}},
		"by number, the last part filled": {payload: 10, events: partEvents + 3, want: []int{partEvents, 3}},
		"by size":                         {payload: partBytes / 2, events: 5, want: []int{2, 2, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDecoder(outbox)
			event := sampleEvent()
			event.Payload = make([]byte, each.payload)
			at := time.Unix(1_700_000_000, 0).UTC()
			messages := [][]byte{relationMessage(9, outbox, outboxColumns...), beginMessage(at)}
			for range each.events {
				messages = append(messages, insertMessage(9, event, outboxColumns...))
			}
			got := feed(t, d, append(messages, commitMessage(100))...)
			require.Len(t, got, len(each.want))
			for i, part := range got {
				require.Len(t, part.Events, each.want[i])
				require.Equal(t, at, part.CommittedAt)
				require.Equal(t, i == len(got)-1, part.Position == 100, "only the end confirms")
			}
			require.Empty(t, feed(t, d, beginMessage(at), commitMessage(200)), "the next transaction has no parts")
		})
	}
}

func TestDecoderFollowsAChangedTable(t *testing.T) {
	t.Parallel()
	d := newDecoder(outbox)
	grown := append([]string{"added"}, outboxColumns...)
	got := feed(
		t, d,
		relationMessage(9, outbox, outboxColumns...), beginMessage(time.Unix(0, 0)),
		insertMessage(9, sampleEvent(), outboxColumns...),
		relationMessage(9, outbox, grown...),
		insertMessage(9, sampleEvent(), grown...),
		commitMessage(100),
	)
	require.Equal(t, []realtime.Event{sampleEvent(), sampleEvent()}, got[0].Events)
}

func TestDecoderAcceptsTheDescriptionOfAPartition(t *testing.T) {
	t.Parallel()
	d := newDecoder(outbox)
	got := feed(
		t, d,
		beginMessage(time.Unix(0, 0)),
		relationMessage(9, outbox, outboxColumns...),
		relationMessage(8, tableName{"handoff", "outbox_3"}, outboxColumns...),
		insertMessage(9, sampleEvent(), outboxColumns...),
		commitMessage(100),
	)
	require.Equal(t, []realtime.Event{sampleEvent()}, got[0].Events)
}

func TestDecoderPassesOverOriginAndType(t *testing.T) {
	t.Parallel()
	d := newDecoder(outbox)
	got := feed(
		t, d,
		beginMessage(time.Unix(0, 0)), message('O').uint64(5).text("elsewhere").out,
		message('Y').uint32(16400).text("handoff").text("kind").out,
		commitMessage(100),
	)
	require.Empty(t, got)
}

func TestDecoderRefuses(t *testing.T) {
	t.Parallel()
	described := relationMessage(9, outbox, outboxColumns...)
	begun := beginMessage(time.Unix(0, 0))
	broken := func(column, text string) []byte {
		e := message('I').uint32(9).raw('N').uint16(uint16(len(outboxColumns)))
		for _, each := range outboxColumns {
			value, _ := columnText(sampleEvent(), each)
			if each == column {
				value = text
			}
			e.value(value)
		}
		return e.out
	}
	cases := map[string]struct {
		before [][]byte
		last   []byte
		says   string
	}{
		"an empty message":                    {nil, nil, "empty"},
		"a message it does not know":          {nil, []byte("S...."), "not expected"},
		"an update":                           {[][]byte{described, begun}, []byte("U"), "not expected"},
		"a truncate":                          {[][]byte{described, begun}, []byte("T"), "not expected"},
		"a begin inside a transaction":        {[][]byte{begun}, begun, "inside another"},
		"a commit of nothing":                 {nil, commitMessage(9), "without a begin"},
		"an insert outside a transaction":     {[][]byte{described}, insertMessage(9, sampleEvent(), outboxColumns...), "outside"},
		"an insert into an undescribed table": {[][]byte{begun}, insertMessage(9, sampleEvent(), outboxColumns...), "not described"},
		"a row of another table":              {[][]byte{relationMessage(8, tableName{"handoff", "outbox_3"}, "id"), begun}, insertMessage(8, sampleEvent(), "id"), "handoff.outbox_3"},
		"an outbox that lacks a column":       {nil, relationMessage(9, outbox, outboxColumns[1:]...), "no column id"},
		"a row of other width":                {[][]byte{described, begun}, insertMessage(9, sampleEvent(), "id"), "1 columns"},
		"a message that ends early":           {nil, begun[:12], "ends early"},
		"a row that ends early":               {[][]byte{described, begun}, insertMessage(9, sampleEvent(), outboxColumns...)[:60], "ends early"},
		"bytes after the end":                 {nil, append(beginMessage(time.Unix(0, 0)), 1), "too many"},
		"an id that is no number":             {[][]byte{described, begun}, broken("id", "x"), "column id"},
		"a time in another style":             {[][]byte{described, begun}, broken("created_at", "22/11/2026"), "column created_at"},
	}
	for name, each := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDecoder(outbox)
			feed(t, d, each.before...)
			_, err := d.decode(each.last)
			require.ErrorIs(t, err, ErrUndecodable)
			require.ErrorContains(t, err, each.says)
			require.False(t, IsRetryable(err))
		})
	}
}

func TestDecoderRefusesNullsAndUnsentValues(t *testing.T) {
	t.Parallel()
	for _, form := range []byte{'n', 'u', 'b'} {
		t.Run(string(form), func(t *testing.T) {
			t.Parallel()
			d := newDecoder(outbox)
			feed(t, d, relationMessage(9, outbox, outboxColumns...), beginMessage(time.Unix(0, 0)))
			_, err := d.decode(message('I').uint32(9).raw('N').uint16(uint16(len(outboxColumns))).raw(form).out)
			require.ErrorIs(t, err, ErrUndecodable)
			require.ErrorContains(t, err, "column id")
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add(beginMessage(time.Unix(0, 0)))
	f.Add(commitMessage(100))
	f.Add(relationMessage(9, outbox, outboxColumns...))
	f.Add(relationMessage(9, outbox, outboxColumns[:3]...))
	f.Add(insertMessage(9, sampleEvent(), outboxColumns...))
	f.Add(insertMessage(9, sampleEvent(), outboxColumns...)[:40])
	f.Add(message('I').uint32(9).raw('N').uint16(9).raw('t').uint32(0xffffffff).out)
	f.Add(message('R').uint32(9).text("handoff").text("outbox").raw('d').uint16(0xffff).out)
	f.Fuzz(func(t *testing.T, data []byte) {
		d := newDecoder(outbox)
		feed(t, d, relationMessage(9, outbox, outboxColumns...), beginMessage(time.Unix(0, 0)))
		if _, err := d.decode(data); err != nil {
			require.ErrorIs(t, err, ErrUndecodable)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	d := newDecoder(outbox)
	insert := insertMessage(9, sampleEvent(), outboxColumns...)
	feed(b, d, relationMessage(9, outbox, outboxColumns...), beginMessage(time.Unix(0, 0)))
	b.SetBytes(int64(len(insert)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.decode(insert); err != nil {
			b.Fatal(err)
		}
		d.tx.Events = d.tx.Events[:0]
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
