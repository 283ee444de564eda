package channels

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

const (
	walConnectTimeout = 10 * time.Second
	// walSlotTimeout bounds the making of a slot, which waits for every transaction that is under way.
	walSlotTimeout  = 4 * time.Minute
	walStartTimeout = 10 * time.Second
	walCloseTimeout = 2 * time.Second
	// walStatusInterval is well below wal_sender_timeout, after which the server takes silence for death.
	walStatusInterval = 10 * time.Second
	walStatusTimeout  = 5 * time.Second
)

// errStreamEnded: the server has closed the stream without saying why.
var errStreamEnded = errors.New("the server ended the replication stream")

// walStream is a replication connection that reads what is committed from now on. Its slot is temporary: it goes with
// the connection, and what is committed until the next one is read by nobody.
type walStream struct {
	conn *pgconn.PgConn
	seen pglogrepl.LSN
}

// openWALStream connects, makes a slot whose name begins with slotPrefix, and starts reading the publication. The caller
// closes the stream.
func openWALStream(ctx context.Context, url, slotPrefix, publication string) (*walStream, error) {
	conn, err := connectWAL(ctx, url)
	if err != nil {
		return nil, err
	}
	w := &walStream{conn: conn}
	if err := w.start(ctx, slotPrefix+randomSuffix(), publication); err != nil {
		w.close(ctx)
		return nil, err
	}
	return w, nil
}

// connectWAL asks for the text forms that the decoders read, whatever role or database set.
func connectWAL(ctx context.Context, url string) (*pgconn.PgConn, error) {
	config, err := pgconn.ParseConfig(url)
	if err != nil {
		return nil, errors.New("DatabaseURL is no connection string") // the error would quote the password
	}
	for name, value := range map[string]string{
		"replication": "database", "application_name": "realtime_replication_connection",
		"client_encoding": "UTF8", "bytea_output": "hex", "datestyle": "ISO", "timezone": "UTC", "extra_float_digits": "1",
	} {
		config.RuntimeParams[name] = value
	}
	ctx, cancel := context.WithTimeout(ctx, walConnectTimeout)
	defer cancel()
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect for replication: %w", err)
	}
	return conn, nil
}

// randomSuffix keeps the names of slots apart: they belong to the whole cluster, and a lost connection's lives on for a
// moment.
func randomSuffix() string {
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails: the runtime ends the program instead
	return hex.EncodeToString(random[:])
}

func (w *walStream) start(ctx context.Context, slot, publication string) error {
	slotCtx, cancel := context.WithTimeout(ctx, walSlotTimeout)
	defer cancel()
	if _, err := pglogrepl.CreateReplicationSlot(slotCtx, w.conn, slot, "pgoutput", pglogrepl.CreateReplicationSlotOptions{
		Temporary: true, SnapshotAction: "NOEXPORT_SNAPSHOT", Mode: pglogrepl.LogicalReplication,
	}); err != nil {
		return fmt.Errorf("create replication slot %s: %w", slot, err)
	}
	startCtx, cancel := context.WithTimeout(ctx, walStartTimeout)
	defer cancel()
	if err := pglogrepl.StartReplication(startCtx, w.conn, slot, 0, pglogrepl.StartReplicationOptions{
		Mode:       pglogrepl.LogicalReplication,
		PluginArgs: []string{"proto_version '1'", "publication_names '" + publication + "'"},
	}); err != nil {
		return fmt.Errorf("start replication of %s: %w", publication, err)
	}
	return nil
}

func (w *walStream) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), walCloseTimeout)
	defer cancel()
	_ = w.conn.Close(ctx) // a temporary slot leaves nothing to lose
	select {
	case <-w.conn.CleanupDone():
	case <-ctx.Done():
	}
}

// read hands every message to handle, in the order of commits, until ctx ends, handle fails or the connection breaks.
func (w *walStream) read(ctx context.Context, handle func(pglogrepl.Message) error) error {
	for {
		if err := w.sendStatus(ctx); err != nil {
			return err
		}
		if err := w.readUntil(ctx, time.Now().Add(walStatusInterval), handle); err != nil {
			return err
		}
	}
}

// readUntil returns nil when the next status update is due.
func (w *walStream) readUntil(ctx context.Context, due time.Time, handle func(pglogrepl.Message) error) error {
	readCtx, cancel := context.WithDeadline(ctx, due)
	defer cancel()
	for {
		message, err := w.conn.ReceiveMessage(readCtx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && readCtx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("receive from the replication connection: %w", err)
		}
		if err := w.receive(ctx, message, handle); err != nil {
			return err
		}
	}
}

func (w *walStream) receive(ctx context.Context, message pgproto3.BackendMessage, handle func(pglogrepl.Message) error) error {
	switch message := message.(type) {
	case *pgproto3.CopyData:
		return w.receiveCopyData(ctx, message.Data, handle)
	case *pgproto3.ErrorResponse:
		return fmt.Errorf("replication stream: %w", pgconn.ErrorResponseToPgError(message))
	case *pgproto3.CopyDone, *pgproto3.CommandComplete, *pgproto3.ReadyForQuery:
		return errStreamEnded
	default:
		return nil // notices: news about the connection, not part of the stream
	}
}

func (w *walStream) receiveCopyData(ctx context.Context, data []byte, handle func(pglogrepl.Message) error) error {
	if len(data) == 0 {
		return errors.New("an empty message on the replication connection")
	}
	switch data[0] {
	case pglogrepl.PrimaryKeepaliveMessageByteID:
		return w.receiveKeepalive(ctx, data[1:])
	case pglogrepl.XLogDataByteID:
		chunk, err := pglogrepl.ParseXLogData(data[1:])
		if err != nil {
			return fmt.Errorf("decode log data: %w", err)
		}
		w.seen = max(w.seen, chunk.WALStart)
		message, err := pglogrepl.Parse(chunk.WALData)
		if err != nil {
			return fmt.Errorf("decode log at %s: %w", chunk.WALStart, err)
		}
		return handle(message)
	default:
		return fmt.Errorf("message %q on the replication connection", data[0])
	}
}

func (w *walStream) receiveKeepalive(ctx context.Context, data []byte) error {
	keepalive, err := pglogrepl.ParsePrimaryKeepaliveMessage(data)
	if err != nil {
		return fmt.Errorf("decode keepalive: %w", err)
	}
	w.seen = max(w.seen, keepalive.ServerWALEnd)
	if !keepalive.ReplyRequested {
		return nil
	}
	return w.sendStatus(ctx)
}

// sendStatus lets the server forget the log up to what was seen. Nothing is ever read twice from a temporary slot, so it
// does not matter what has become of it.
func (w *walStream) sendStatus(ctx context.Context) error {
	_ = w.conn.Conn().SetWriteDeadline(time.Now().Add(walStatusTimeout)) // an error shows in the write as well
	if err := pglogrepl.SendStandbyStatusUpdate(ctx, w.conn, pglogrepl.StandbyStatusUpdate{WALWritePosition: w.seen}); err != nil {
		return fmt.Errorf("send status on the replication connection: %w", err)
	}
	return nil
}
