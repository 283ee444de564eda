package supabase

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// ErrNoChatSessions means that the table to import from is not there, or is no table of chat sessions.
var ErrNoChatSessions = errors.New("there are no chat sessions to import")

// ErrImportRunning means that another process imports into this database.
var ErrImportRunning = errors.New("another import is running")

// importLock is held by whoever imports, for as long as the connection lives.
const importLock = `select pg_try_advisory_lock(hashtextextended('handoff import', 0))`

// ChatSessions brings the chats of an application from before into conversations and messages (F001 section 10). The source
// is only read. It uses one connection, which must belong to the role that owns the tables.
type ChatSessions struct {
	conn  *pgx.Conn
	table string // schema.table, quoted
}

// ImportBatch is what one batch did.
type ImportBatch struct {
	// Last is the id of the last session of the batch; empty when there was none left.
	Last string
	// Sessions were looked at; Conversations are new; Topped were imported before and have got further messages.
	Sessions, Conversations, Topped int64
	Messages                        int64
	// Orphans belong to a project that does not exist; they are left out.
	Orphans int64
	// MovedOn were imported before and are in use here since: nothing is added to them.
	MovedOn int64
	// Empty entries have no content; Split ones are longer than a message may be and became several; Undated ones have no
	// time of their own.
	Empty, Split, Undated int64
}

// Add adds up two batches.
func (b ImportBatch) Add(next ImportBatch) ImportBatch {
	return ImportBatch{
		Last: next.Last, Sessions: b.Sessions + next.Sessions, Conversations: b.Conversations + next.Conversations,
		Topped: b.Topped + next.Topped, Messages: b.Messages + next.Messages, Orphans: b.Orphans + next.Orphans,
		MovedOn: b.MovedOn + next.MovedOn, Empty: b.Empty + next.Empty, Split: b.Split + next.Split, Undated: b.Undated + next.Undated,
	}
}

// OpenChatSessions looks at the table, "schema.table" or a name in public, and prepares the connection.
func OpenChatSessions(ctx context.Context, conn *pgx.Conn, table string) (*ChatSessions, error) {
	schema, name, found := strings.Cut(table, ".")
	if !found {
		schema, name = "public", table
	}
	columns, err := columnsOf(ctx, conn, schema, name)
	if err != nil {
		return nil, err
	}
	var alone bool
	if err := conn.QueryRow(ctx, importLock).Scan(&alone); err != nil {
		return nil, fmt.Errorf("see whether another import is running: %w", err)
	}
	if !alone {
		return nil, ErrImportRunning
	}
	sessions := &ChatSessions{conn: conn, table: pgx.Identifier{schema, name}.Sanitize()}
	source, err := sessionColumns(columns)
	if err != nil {
		return nil, fmt.Errorf("%w: %s %w", ErrNoChatSessions, sessions.table, err)
	}
	for _, statement := range []string{
		"create temp view import_source as select " + source + " from " + sessions.table + " as session",
		importTables,
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return nil, fmt.Errorf("prepare the import of %s: %w", sessions.table, err)
		}
	}
	return sessions, nil
}

func columnsOf(ctx context.Context, conn *pgx.Conn, schema, table string) (map[string]string, error) {
	rows, err := conn.Query(ctx, `
		select column_name::text, udt_name::text from information_schema.columns where table_schema = $1 and table_name = $2`, schema, table)
	if err != nil {
		return nil, fmt.Errorf("look at %s.%s: %w", schema, table, err)
	}
	columns := make(map[string]string)
	var name, kind string
	if _, err := pgx.ForEachRow(rows, []any{&name, &kind}, func() error {
		columns[name] = kind
		return nil
	}); err != nil {
		return nil, fmt.Errorf("look at %s.%s: %w", schema, table, err)
	}
	if len(columns) == 0 {
		return nil, fmt.Errorf("%w: there is no table %s.%s", ErrNoChatSessions, schema, table)
	}
	return columns, nil
}

// optionalColumns are what an older table may lack, with what takes their place.
var optionalColumns = []struct{ name, expression, missing string }{
	{"visitor_id", "visitor_id::text", "null::text"},
	{"source", "source::text", "null::text"},
	{"awaiting_email", "coalesce(awaiting_email, false)", "false"},
	{"pending_question", "pending_question::text", "null::text"},
	{"email_asked", "coalesce(email_asked, false)", "false"},
	{"is_voice", "coalesce(is_voice, false)", "false"},
	{"voice_duration_seconds", "coalesce(voice_duration_seconds, 0)", "0"},
	{"created_at", "coalesce(created_at::timestamptz, now())", "now()"},
	{"updated_at", "updated_at::timestamptz", "null::timestamptz"},
	{"last_message_at", "last_message_at::timestamptz", "null::timestamptz"},
}

// sessionColumns selects the columns of F001 3.1, whatever of them the table has.
func sessionColumns(columns map[string]string) (string, error) {
	for _, name := range []string{"id", "project_id", "messages"} {
		if columns[name] == "" {
			return "", fmt.Errorf("has no column %s", name)
		}
	}
	// F001 says jsonb[], and reads it as a jsonb array: both are taken.
	messages := "session.messages::jsonb"
	if strings.HasPrefix(columns["messages"], "_") {
		messages = "to_jsonb(session.messages)"
	}
	selected := []string{
		"session.id::uuid as id", "session.project_id::uuid as project_id",
		"case when jsonb_typeof(" + messages + ") = 'array' then " + messages + " else '[]'::jsonb end as messages",
	}
	for _, column := range optionalColumns {
		expression := column.missing
		if columns[column.name] != "" {
			expression = strings.Replace(column.expression, column.name, "session."+column.name, 1)
		}
		selected = append(selected, expression+" as "+column.name)
	}
	return strings.Join(selected, ", "), nil
}

// Count is how many sessions the table has.
func (c *ChatSessions) Count(ctx context.Context) (int64, error) {
	var count int64
	if err := c.conn.QueryRow(ctx, "select count(*) from "+c.table).Scan(&count); err != nil {
		return 0, fmt.Errorf("count the sessions of %s: %w", c.table, err)
	}
	return count, nil
}

// Resume is where an import that did not end goes on: the last session that is done, or "", and how many are.
func (c *ChatSessions) Resume(ctx context.Context) (last string, done int64, err error) {
	err = c.conn.QueryRow(ctx, `
		select coalesce(last_id::text, ''), case when last_id is null then 0 else sessions end from handoff.imports where source = $1`,
		c.table).Scan(&last, &done)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", 0, nil
	}
	if err != nil {
		return "", 0, fmt.Errorf("find out how far the import of %s is: %w", c.table, err)
	}
	return last, done, nil
}

// Batch imports at most limit sessions after the id, and notes how far it is, in one transaction. With dry set it does all of
// that and takes it back. A batch whose Last is empty was the last one.
func (c *ChatSessions) Batch(ctx context.Context, after string, limit int, dry bool) (ImportBatch, error) {
	var batch ImportBatch
	err := pgx.BeginFunc(ctx, c.conn, func(tx pgx.Tx) error {
		var err error
		if batch, err = c.load(ctx, tx, after, limit); err == nil {
			err = c.write(ctx, tx, &batch)
		}
		if err == nil && dry {
			err = errDry
		}
		return err
	})
	if err != nil && !errors.Is(err, errDry) {
		return ImportBatch{}, fmt.Errorf("import sessions of %s after %q: %w", c.table, after, err)
	}
	return batch, nil
}

// errDry takes a transaction back whose work was only tried.
var errDry = errors.New("dry run")

// load takes the sessions apart, into tables that are empty again when the transaction ends.
func (c *ChatSessions) load(ctx context.Context, tx pgx.Tx, after string, limit int) (ImportBatch, error) {
	var batch ImportBatch
	if _, err := tx.Exec(ctx, importLoadSessions, after, limit); err != nil {
		return batch, err
	}
	if _, err := tx.Exec(ctx, importLoadEntries); err != nil {
		return batch, err
	}
	err := tx.QueryRow(ctx, importSurvey).Scan(
		&batch.Last, &batch.Sessions, &batch.Orphans, &batch.MovedOn, &batch.Empty, &batch.Split, &batch.Undated)
	return batch, err
}

func (c *ChatSessions) write(ctx context.Context, tx pgx.Tx, batch *ImportBatch) error {
	for _, step := range []struct {
		statement string
		arguments []any
		count     *int64
	}{
		{`select set_config('handoff.importing', 'on', true)`, nil, nil},
		{importCustomers, nil, nil},
		{importConversations, []any{c.table}, &batch.Conversations},
		{importMessages, nil, &batch.Messages},
		{importTopUp, nil, &batch.Topped},
	} {
		tag, err := tx.Exec(ctx, step.statement, step.arguments...)
		if err != nil {
			return err
		}
		if step.count != nil {
			*step.count = tag.RowsAffected()
		}
	}
	_, err := tx.Exec(ctx, importNote, c.table, batch.Last, batch.Sessions, batch.Conversations, batch.Messages)
	return err
}

// Verification compares the source with what was made of it, session by session: how many messages, and all that they say.
type Verification struct {
	Sessions, Conversations, Messages int64
	// Wrong is how many sessions differ; Examples are some of their ids.
	Wrong    int64
	Examples []string
}

// Verify reads both sides anew. Sessions of unknown projects, and conversations that are in use here since, are left out.
func (c *ChatSessions) Verify(ctx context.Context) (Verification, error) {
	var found Verification
	err := c.conn.QueryRow(ctx, importVerify).Scan(
		&found.Sessions, &found.Conversations, &found.Messages, &found.Wrong, &found.Examples)
	if err != nil {
		return found, fmt.Errorf("compare %s with the conversations: %w", c.table, err)
	}
	return found, nil
}
