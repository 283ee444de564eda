package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/supportbase/handoff/config"
	"github.com/supportbase/handoff/supabase"
)

const (
	tableFlag  = "table"
	batchFlag  = "batch"
	dryRunFlag = "dry-run"

	// progressEvery is how often progress is shown.
	progressEvery = 500 * time.Millisecond
)

func newImport() *cobra.Command {
	command := &cobra.Command{Use: "import", Short: "Bring in chats from before"}
	command.AddCommand(newImportSessions())
	return command
}

func newImportSessions() *cobra.Command {
	command := &cobra.Command{
		Use:   "chat-sessions",
		Short: "Import a table chat_sessions with its messages as JSON",
		Long: "Reads the table and writes conversations and messages, in batches; the table is not changed. An import that is interrupted " +
			"goes on where it was. Run it again at any time: it brings what came since. At the end every session is compared with what was " +
			"made of it. docs/import.md says what becomes of each column.",
		Args: cobra.NoArgs,
		RunE: runImport,
	}
	command.Flags().String(tableFlag, "public.chat_sessions", "the table to import")
	command.Flags().Int(batchFlag, 500, "sessions in one transaction")
	command.Flags().Bool(dryRunFlag, false, "do everything and take it back: shows what would happen")
	config.AddFlags(command.Flags(), "database")
	return command
}

// importOptions are the flags.
type importOptions struct {
	table string
	batch int
	dry   bool
}

func readImportOptions(cmd *cobra.Command) (options importOptions, err error) {
	if options.table, err = cmd.Flags().GetString(tableFlag); err != nil {
		return options, err
	}
	if options.batch, err = cmd.Flags().GetInt(batchFlag); err != nil {
		return options, err
	}
	if options.batch < 1 || options.batch > 10_000 {
		return options, &problem{
			code: "usage", text: "--batch is between 1 and 10000",
			remedy: "See `" + cmd.CommandPath() + " --help`.", exit: exitUsage,
		}
	}
	options.dry, err = cmd.Flags().GetBool(dryRunFlag)
	return options, err
}

func runImport(cmd *cobra.Command, _ []string) error {
	ctx := cmd.Context()
	options, err := readImportOptions(cmd)
	if err != nil {
		return err
	}
	settings, err := load(cmd, config.UseDatabase)
	if err != nil {
		return err
	}
	conn, err := supabase.Connect(ctx, settings.Database.URL.Reveal())
	if err != nil {
		return err
	}
	defer closeConn(ctx, conn)
	if err := supabase.CheckMigrated(ctx, conn); err != nil {
		return err
	}
	sessions, err := supabase.OpenChatSessions(ctx, conn, options.table)
	if err != nil {
		return explainImport(err)
	}
	began := time.Now()
	total, err := importAll(ctx, cmd, sessions, options)
	if err != nil {
		return err
	}
	if err := summarize(cmd.OutOrStdout(), total); err != nil || options.dry {
		return errors.Join(err, finishImport(cmd.OutOrStdout(), "dry_run", total, time.Since(began)))
	}
	return verifyImport(ctx, cmd.OutOrStdout(), sessions, total, began)
}

func explainImport(err error) error {
	if errors.Is(err, supabase.ErrImportRunning) {
		return &problem{code: "import_running", text: err.Error(), remedy: "Wait for it, or end it: the next one goes on where it was.", exit: exitFailed}
	}
	if errors.Is(err, supabase.ErrNoChatSessions) {
		return &problem{
			code: "no_chat_sessions", text: err.Error(),
			remedy: "Name the table with --table schema.name; it needs the columns id, project_id and messages.", exit: exitFailed,
		}
	}
	return err
}

// importAll goes through the table from where an earlier import stopped.
func importAll(ctx context.Context, cmd *cobra.Command, sessions *supabase.ChatSessions, options importOptions) (supabase.ImportBatch, error) {
	var total supabase.ImportBatch
	count, err := sessions.Count(ctx)
	if err != nil {
		return total, err
	}
	after, done, err := sessions.Resume(ctx)
	if err != nil {
		return total, err
	}
	if after != "" {
		if _, err := fmt.Fprintf(cmd.OutOrStdout(), "going on after session %s\n", after); err != nil {
			return total, err
		}
	}
	bar := newProgress(cmd.ErrOrStderr(), count)
	bar.to(done)
	for {
		batch, err := sessions.Batch(ctx, after, options.batch, options.dry)
		if err != nil {
			return total, err
		}
		total = total.Add(batch)
		if after = batch.Last; after == "" {
			bar.end()
			return total, nil
		}
		bar.to(done + total.Sessions)
	}
}

func summarize(out io.Writer, total supabase.ImportBatch) error {
	var text strings.Builder
	for _, line := range []struct {
		count int64
		text  string
	}{
		{total.Sessions, "sessions looked at"},
		{total.Conversations, "new conversations"},
		{total.Topped, "conversations got further messages"},
		{total.Messages, "messages written"},
		{total.Orphans, "sessions left out: their project does not exist"},
		{total.MovedOn, "sessions left alone: their conversations are in use here"},
		{total.Empty, "entries left out: they say nothing"},
		{total.Split, "parts of entries longer than 10,000 characters"},
		{total.Undated, "entries without a time: they got their session's"},
	} {
		if line.count > 0 {
			fmt.Fprintf(&text, "%10d  %s\n", line.count, line.text)
		}
	}
	_, err := io.WriteString(out, text.String())
	return err
}

func verifyImport(ctx context.Context, out io.Writer, sessions *supabase.ChatSessions, total supabase.ImportBatch, began time.Time) error {
	found, err := sessions.Verify(ctx)
	if err != nil {
		return err
	}
	if found.Wrong > 0 {
		return &problem{
			code: "import_differs", exit: exitFailed,
			text:   fmt.Sprintf("%d sessions are not what was imported of them, for example %s", found.Wrong, strings.Join(found.Examples, ", ")),
			remedy: "If the old application still writes them, run the import again; else report it with one of these sessions.",
		}
	}
	if _, err := fmt.Fprintf(out, "%10d  conversations with %d messages compared with their sessions: equal\n",
		found.Conversations, found.Messages); err != nil {
		return err
	}
	return finishImport(out, "ok", total, time.Since(began))
}

func finishImport(out io.Writer, verdict string, total supabase.ImportBatch, took time.Duration) error {
	_, err := fmt.Fprintf(out, "RESULT import=%s sessions=%d conversations=%d messages=%d seconds=%.1f messages_per_second=%.0f\n",
		verdict, total.Sessions, total.Conversations, total.Messages, took.Seconds(), float64(total.Messages)/max(took.Seconds(), 0.001))
	return err
}

// progress shows how far a long work is: a bar in a terminal, a line now and then elsewhere.
type progress struct {
	bar  *progressbar.ProgressBar
	out  io.Writer
	most int64
	last time.Time
}

func newProgress(out io.Writer, most int64) *progress {
	p := &progress{out: out, most: most, last: time.Now()}
	if isTerminal(out) {
		p.bar = progressbar.NewOptions64(max(most, 1), progressbar.OptionSetWriter(out), progressbar.OptionSetDescription("sessions"),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("sessions"),
			progressbar.OptionThrottle(progressEvery), progressbar.OptionSetPredictTime(true), progressbar.OptionFullWidth())
	}
	return p
}

func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

func (p *progress) to(done int64) {
	if p.bar != nil {
		_ = p.bar.Set64(min(done, max(p.most, 1))) // progress is a courtesy: nothing depends on it
		return
	}
	if time.Since(p.last) >= progressEvery {
		p.last = time.Now()
		_, _ = fmt.Fprintf(p.out, "%d of %d sessions\n", done, p.most) // as above
	}
}

func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()         // as above
		_, _ = fmt.Fprintln(p.out) // as above
	}
}
