package main

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// committed is one event of a conversation as the outbox holds it.
type committed struct {
	ID      string
	Seq     int64
	Kind    string
	Payload map[string]any // as it must arrive
}

// verdict compares what was committed with what the subscriber accepted.
type verdict struct {
	committed, delivered int
	// lost was committed and not accepted; outOfOrder was accepted elsewhere than where it was committed; duplicates were
	// accepted twice; altered arrived with another content; invented were never committed.
	lost, outOfOrder, duplicates, altered, invented int
	// repeated broadcasts were dropped by their id; healed events were fetched by the gap rule; unheard events were never
	// broadcast to the subscriber at all.
	repeated, healed, unheard int
	// early are the broadcasts that came before the one they should follow, which is what healing begins with.
	early []early
	// first describes the first conversation that differs.
	first string
}

func (v *verdict) ok() bool {
	return v.lost+v.outOfOrder+v.duplicates+v.altered+v.invented == 0 && v.delivered == v.committed
}

// readOutbox returns the committed events of the conversations in the order of their numbers.
func readOutbox(ctx context.Context, owner *pgxpool.Pool, conversations []string) (map[string][]committed, error) {
	rows, err := owner.Query(ctx, `
		select event.conversation_id::text, event.id::text, event.seq, event.kind, handoff.public_payload(event)
		  from handoff.outbox as event
		 where event.conversation_id = any ($1::uuid[]) and event.seq > 0
		 order by event.conversation_id, event.seq`, conversations)
	if err != nil {
		return nil, fmt.Errorf("read the outbox: %w", err)
	}
	all := map[string][]committed{}
	var id string
	var event committed
	_, err = pgx.ForEachRow(rows, []any{&id, &event.ID, &event.Seq, &event.Kind, &event.Payload}, func() error {
		all[id] = append(all[id], event)
		event.Payload = nil // the next row must not fill the same map
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the outbox: %w", err)
	}
	return all, nil
}

// judge compares each conversation.
func judge(outbox map[string][]committed, report map[string]received) verdict {
	var v verdict
	for id, want := range outbox {
		v.add(id, want, report[id])
	}
	for id, got := range report {
		if _, known := outbox[id]; !known {
			v.add(id, nil, got)
		}
	}
	return v
}

func (v *verdict) add(id string, want []committed, got received) {
	before := *v
	v.committed += len(want)
	v.delivered += len(got.Events)
	v.repeated += got.Duplicates
	v.healed += got.Healed
	for _, one := range got.Gaps {
		v.early = append(v.early, early{conversation: id, gap: one, missed: missedBy(one, want, got)})
	}
	v.compare(want, got)
	heard := map[string]bool{}
	for _, one := range got.Heard {
		heard[one] = true
	}
	for _, event := range want {
		if !heard[event.ID] {
			v.unheard++
		}
	}
	clean := v.lost+v.outOfOrder+v.duplicates+v.altered+v.invented ==
		before.lost+before.outOfOrder+before.duplicates+before.altered+before.invented
	if !clean && v.first == "" {
		v.first = describe(id, want, got)
	}
}

// early is a gap, where it was, and what became of the events that it skipped.
type early struct {
	gap

	conversation string
	missed       string
}

func missedBy(one gap, want []committed, got received) string {
	var text strings.Builder
	for _, event := range want {
		if event.Seq <= one.After || event.Seq >= one.Got {
			continue
		}
		fate := "came later"
		if !slices.Contains(got.Heard, event.ID) {
			fate = "never came"
		}
		fmt.Fprintf(&text, " #%d %s id=%s %s;", event.Seq, event.Kind, event.ID, fate)
	}
	return text.String()
}

func (v *verdict) compare(want []committed, got received) {
	place := make(map[string]int, len(want))
	for i, event := range want {
		place[event.ID] = i
	}
	seen, last := make([]bool, len(want)), -1
	for _, arrived := range got.Events {
		i, known := place[idOf(arrived.Payload)]
		switch {
		case !known:
			v.invented++
			continue
		case seen[i]:
			v.duplicates++
			continue
		case i < last:
			v.outOfOrder++
		}
		seen[i], last = true, max(last, i)
		if arrived.Event != want[i].Kind || !reflect.DeepEqual(arrived.Payload, want[i].Payload) {
			v.altered++
		}
	}
	for _, there := range seen {
		if !there {
			v.lost++
		}
	}
}

func idOf(payload map[string]any) string {
	id, ok := payload["id"].(string)
	if !ok {
		return ""
	}
	return id
}

// describe shows both sequences side by side from a little before the first difference.
func describe(id string, want []committed, got received) string {
	const before, shown = 3, 12
	first := 0
	for first < len(want) && first < len(got.Events) && idOf(got.Events[first].Payload) == want[first].ID {
		first++
	}
	var text strings.Builder
	fmt.Fprintf(&text, "conversation %s: %d events committed, %d accepted, %d of them healed\n", id, len(want), len(got.Events), got.Healed)
	for i := max(0, first-before); i < min(first+shown, max(len(want), len(got.Events))); i++ {
		left, right := "-", "-"
		if i < len(want) {
			left = fmt.Sprintf("#%d %s id=%s", want[i].Seq, want[i].Kind, want[i].ID)
		}
		if i < len(got.Events) {
			payload := got.Events[i].Payload
			right = fmt.Sprintf("#%v %s id=%s", payload["seq"], got.Events[i].Event, idOf(payload))
			if i < len(want) && idOf(payload) == want[i].ID && !reflect.DeepEqual(payload, want[i].Payload) {
				right += fmt.Sprintf("\n      committed %v\n      accepted  %v", want[i].Payload, payload)
			}
		}
		fmt.Fprintf(&text, "  committed %-45s accepted %s\n", left, right)
	}
	return text.String()
}
