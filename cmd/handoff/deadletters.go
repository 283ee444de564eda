package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/supportbase/handoff/config"
	"github.com/supportbase/handoff/supabase"
)

const (
	allFlag   = "all"
	jsonFlag  = "json"
	limitFlag = "limit"
	yesFlag   = "yes"

	// letterPage is how many dead letters are in memory at once.
	letterPage = 200
	// letterConnections is enough for one command.
	letterConnections = 2
)

func newDeadLetters() *cobra.Command {
	letters := &cobra.Command{
		Use:   "deadletters",
		Short: "Look after broadcasts that Realtime would not take",
		Long: "A message that Realtime refuses for its own sake is kept with the reason, and the stream goes on. " +
			"Subscribers with the gap rule of docs/events.md have it already; others get it by retry.",
	}
	letters.AddCommand(newLettersList(), newLettersRetry(), newLettersDrop())
	return letters
}

func newLettersList() *cobra.Command {
	list := &cobra.Command{
		Use: "list", Short: "List them, oldest first", Args: cobra.NoArgs,
		Long: "With --json, one JSON object a line, with the payload.",
		RunE: func(cmd *cobra.Command, _ []string) error { return withLetters(cmd, config.UseDatabase, listLetters) },
	}
	list.Flags().Bool(jsonFlag, false, "one JSON object a line")
	list.Flags().Int(limitFlag, 100, "how many at most; 0: all")
	config.AddFlags(list.Flags(), "database")
	return list
}

func newLettersRetry() *cobra.Command {
	retry := &cobra.Command{
		Use: "retry ID... | --all", Short: "Send them again, oldest first, and remove what was taken",
		Long: "Needs SUPABASE_URL and SUPABASE_SECRET_KEY too. Stops when Realtime cannot be reached; what is refused again is kept.",
		RunE: func(cmd *cobra.Command, _ []string) error { return withLetters(cmd, config.UseWorker, retryLetters) },
	}
	retry.Flags().Bool(allFlag, false, "all of them")
	config.AddFlags(retry.Flags(), "supabase", "database")
	return retry
}

func newLettersDrop() *cobra.Command {
	drop := &cobra.Command{
		Use: "drop ID... | --all --yes", Short: "Remove them unsent, for good",
		RunE: func(cmd *cobra.Command, _ []string) error { return withLetters(cmd, config.UseDatabase, dropLetters) },
	}
	drop.Flags().Bool(allFlag, false, "all of them")
	drop.Flags().Bool(yesFlag, false, "needed with --all: nothing brings them back")
	config.AddFlags(drop.Flags(), "database")
	return drop
}

// letterCommand is what a command about dead letters has in hand.
type letterCommand struct {
	*cobra.Command

	settings config.Config
	table    *supabase.DeadLetters
	// ids are those named on the command line; none with --all, and for list.
	ids []int64
}

// withLetters checks the arguments before it connects to anything.
func withLetters(cmd *cobra.Command, use config.Use, do func(context.Context, letterCommand) error) error {
	ctx := cmd.Context()
	made := letterCommand{Command: cmd}
	var err error
	if made.ids, err = chosenLetters(cmd); err != nil {
		return err
	}
	if made.settings, err = load(cmd, use); err != nil {
		return err
	}
	pool, err := supabase.OpenPool(ctx, made.settings.Database.URL.Reveal(), letterConnections)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := supabase.CheckMigrated(ctx, pool); err != nil {
		return err
	}
	made.table = supabase.NewDeadLetters(pool)
	return do(ctx, made)
}

// chosenLetters reads the ids, or makes sure that --all is meant.
func chosenLetters(cmd *cobra.Command) ([]int64, error) {
	if cmd.Flags().Lookup(allFlag) == nil {
		return nil, nil
	}
	all, err := cmd.Flags().GetBool(allFlag)
	if err != nil {
		return nil, err
	}
	arguments := cmd.Flags().Args()
	if all == (len(arguments) > 0) {
		return nil, lettersUsage(cmd, "name dead letters by their ids, or all of them with --all")
	}
	if all && cmd.Flags().Lookup(yesFlag) != nil {
		if sure, err := cmd.Flags().GetBool(yesFlag); err != nil || !sure {
			return nil, errors.Join(lettersUsage(cmd, "--all removes every dead letter for good: say --yes too"), err)
		}
	}
	ids := make([]int64, len(arguments))
	for i, text := range arguments {
		if ids[i], err = strconv.ParseInt(text, 10, 64); err != nil || ids[i] < 1 {
			return nil, lettersUsage(cmd, fmt.Sprintf("%q is no id of a dead letter", text))
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

func lettersUsage(cmd *cobra.Command, text string) error {
	return &problem{code: "usage", text: text, remedy: "See `" + cmd.CommandPath() + " --help`.", exit: exitUsage}
}

// each calls do with the chosen dead letters, oldest first, at most limit of them; 0 is no limit. An unknown id is refused
// before the first call.
func (c letterCommand) each(ctx context.Context, limit int, do func(supabase.DeadLetter) error) error {
	if len(c.ids) > 0 {
		return c.eachNamed(ctx, do)
	}
	for after, seen := int64(0), 0; ; {
		size := letterPage
		if limit > 0 {
			size = min(size, limit-seen)
		}
		page, err := c.table.Page(ctx, after, size)
		if err != nil {
			return err
		}
		for _, letter := range page {
			if err := do(letter); err != nil {
				return err
			}
		}
		if seen += len(page); len(page) < letterPage || seen == limit {
			return nil
		}
		after = page[len(page)-1].ID
	}
}

func (c letterCommand) eachNamed(ctx context.Context, do func(supabase.DeadLetter) error) error {
	found, err := c.table.Find(ctx, c.ids)
	if err != nil {
		return err
	}
	for _, id := range c.ids {
		if !slices.ContainsFunc(found, func(one supabase.DeadLetter) bool { return one.ID == id }) {
			return &problem{
				code: "dead_letter_unknown", text: fmt.Sprintf("there is no dead letter %d; nothing was done", id),
				remedy: "`handoff deadletters list` shows their ids.", exit: exitFailed,
			}
		}
	}
	for _, letter := range found {
		if err := do(letter); err != nil {
			return err
		}
	}
	return nil
}

func listLetters(ctx context.Context, c letterCommand) error {
	asJSON, err := c.Flags().GetBool(jsonFlag)
	if err != nil {
		return err
	}
	limit, err := c.Flags().GetInt(limitFlag)
	if err != nil {
		return err
	}
	if limit < 0 {
		return lettersUsage(c.Command, "--limit is 0 or more")
	}
	if asJSON {
		encoder := json.NewEncoder(c.OutOrStdout())
		return c.each(ctx, limit, func(letter supabase.DeadLetter) error { return encoder.Encode(viewLetter(letter)) })
	}
	return listTable(ctx, c, limit)
}

func listTable(ctx context.Context, c letterCommand, limit int) error {
	table := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
	if _, err := fmt.Fprintln(table, "ID\tWHEN\tTOPIC\tEVENT\tREASON"); err != nil {
		return err
	}
	listed := 0
	err := c.each(ctx, limit, func(letter supabase.DeadLetter) error {
		listed++
		_, err := fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\n", letter.ID, letter.CreatedAt.UTC().Format(time.RFC3339),
			orDash(string(letter.Topic)), letter.Name, strings.Join(strings.Fields(letter.Reason), " "))
		return err
	})
	if err != nil {
		return err
	}
	if err := table.Flush(); err != nil {
		return err
	}
	total, err := c.table.Count(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "RESULT deadletters=%d listed=%d\n", total, listed)
	return err
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// letterView is a dead letter as JSON.
type letterView struct {
	ID             int64           `json:"id"`
	CreatedAt      time.Time       `json:"created_at"`
	EventID        int64           `json:"event_id"`
	ProjectID      string          `json:"project_id"`
	ConversationID string          `json:"conversation_id,omitempty"`
	Topic          string          `json:"topic,omitempty"`
	Event          string          `json:"event"`
	Reason         string          `json:"reason"`
	Payload        json.RawMessage `json:"payload"`
}

func viewLetter(letter supabase.DeadLetter) letterView {
	return letterView{
		ID: letter.ID, CreatedAt: letter.CreatedAt.UTC(), EventID: letter.Event.ID, ProjectID: letter.Event.ProjectID,
		ConversationID: letter.Event.ConversationID, Topic: string(letter.Topic), Event: letter.Name,
		Reason: letter.Reason, Payload: letter.Payload,
	}
}

func dropLetters(ctx context.Context, c letterCommand) error {
	dropped := int64(0)
	err := c.each(ctx, 0, func(letter supabase.DeadLetter) error {
		removed, err := c.table.Remove(ctx, []int64{letter.ID})
		dropped += removed
		return err
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "RESULT deadletters_drop=ok dropped=%d\n", dropped)
	return err
}
