package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/supportbase/handoff/bench/rig"
	"github.com/supportbase/handoff/supabase/local/keys"
)

const (
	channelsPerSocket = 67 // three sockets for 200 conversations; Realtime allows 100
	audienceScript    = "web/chaos/subscriber.mjs"
	joinTimeout       = 2 * time.Minute
	reportTimeout     = time.Minute
	longestReportLine = 64 << 20
)

// audience is the Node process that subscribes to every conversation.
type audience struct {
	process *rig.Process
	report  string

	mu       sync.Mutex
	progress progress
	problem  string
}

// progress is a line that the subscriber prints.
type progress struct {
	Ready    bool `json:"ready"`
	Accepted int  `json:"accepted"`
	// Heard counts the events that the sockets brought, Accepted those and the ones that the gap rule fetched.
	Heard int    `json:"heard"`
	Joins int    `json:"joins"`
	Error string `json:"error"`
}

type login struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

// members are people of the demo project who can sign in.
var members = []login{
	{"owner@example.com", "handoff-demo"},
	{"sarah@example.com", "handoff-demo"},
	{"mike@example.com", "handoff-demo"},
}

// seat starts the subscriber and returns when every topic is joined.
func seat(ctx context.Context, standIn *rig.StandIn, conversations []string, log io.Writer) (*audience, error) {
	a := &audience{report: standIn.Folder + "/report.ndjson"}
	settings, err := json.Marshal(map[string]any{
		"url": standIn.URL, "publishableKey": keys.Publishable, "people": members, "conversations": conversations,
		"perSocket": channelsPerSocket, "report": a.report,
	})
	if err != nil {
		return nil, fmt.Errorf("encode the subscriber's settings: %w", err)
	}
	ready := make(chan struct{})
	var once sync.Once
	a.process, err = rig.Start(ctx, rig.Command{
		Name: "the subscriber", Path: "node", Args: []string{audienceScript}, Env: []string{"CHAOS_SUBSCRIBER=" + string(settings)},
		Log: log, Stdin: true, OnLine: func(line string) {
			if a.hear(line).Ready {
				once.Do(func() { close(ready) })
			}
		},
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	if err := a.process.Await(ctx, ready); err != nil {
		a.process.Kill()
		return nil, err
	}
	return a, nil
}

func (a *audience) hear(line string) progress {
	var heard progress
	if err := json.Unmarshal([]byte(line), &heard); err != nil {
		return progress{} // not one of ours: a warning of Node, say
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case heard.Error != "":
		a.problem = heard.Error
	case !heard.Ready:
		a.progress = heard
	}
	return heard
}

func (a *audience) now() progress {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.progress
}

// received is what the subscriber accepted on one conversation, in its order.
type received struct {
	ConversationID string `json:"conversation_id"`
	Events         []struct {
		Event   string         `json:"event"`
		Payload map[string]any `json:"payload"`
	} `json:"events"`
	Duplicates int      `json:"duplicates"`
	Healed     int      `json:"healed"`
	Heard      []string `json:"heard"`
	Gaps       []gap    `json:"gaps"`
}

// gap is a broadcast that came before the one it should follow.
type gap struct {
	At    int64 `json:"at"` // milliseconds of Unix time
	After int64 `json:"after"`
	Got   int64 `json:"got"`
}

// finish ends the subscriber and returns its report by conversation.
func (a *audience) finish(ctx context.Context) (map[string]received, error) {
	if err := a.process.Write("finish\n"); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	select {
	case <-a.process.Exited():
	case <-ctx.Done():
		a.process.Kill()
	}
	a.mu.Lock()
	problem := a.problem
	a.mu.Unlock()
	if problem != "" {
		return nil, fmt.Errorf("the subscriber failed: %w", errors.New(problem))
	}
	return readReport(a.report)
}

func (a *audience) leave() { a.process.Kill() }

func readReport(path string) (map[string]received, error) {
	text, err := os.ReadFile(path) //nolint:gosec // a file of this run
	if err != nil {
		return nil, fmt.Errorf("read the subscriber's report: %w", err)
	}
	report := map[string]received{}
	scanner := bufio.NewScanner(bytes.NewReader(text))
	scanner.Buffer(nil, longestReportLine)
	for scanner.Scan() {
		var one received
		if err := json.Unmarshal(scanner.Bytes(), &one); err != nil {
			return nil, fmt.Errorf("read the subscriber's report: %w", err)
		}
		report[one.ConversationID] = one
	}
	return report, scanner.Err()
}
