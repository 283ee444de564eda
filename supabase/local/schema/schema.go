package schema

import (
	"context"
	"embed"
	"fmt"

	"github.com/jackc/pgx/v5"
)

//go:embed sql/*.sql
var files embed.FS

// bootstrapFiles are run in this order: each may use what the ones before made.
var bootstrapFiles = []string{"database", "extensions", "auth", "realtime", "storage", "guard"}

// lockKey keeps two processes from creating the same objects at once, which Postgres answers with "tuple concurrently
// updated" even for statements with if not exists. Advisory locks are per database.
const lockKey = 0x68616e646f6666

// EnsureRoles makes the roles of a hosted project in the cluster, and corrects those that exist. conn needs to be a
// superuser. Idempotent, one transaction.
func EnsureRoles(ctx context.Context, conn *pgx.Conn) error {
	return runFiles(ctx, conn, "roles")
}

// Bootstrap makes the schemas of a hosted project in the connected database, which gets the owner postgres. conn needs
// to be a superuser and the roles to exist. Idempotent, one transaction.
func Bootstrap(ctx context.Context, conn *pgx.Conn) error {
	return runFiles(ctx, conn, bootstrapFiles...)
}

// MaintainPartitions makes the partitions of realtime.messages for the coming days and drops those older than three
// days. Bootstrap does it too; a stand-in that runs for days calls it daily. conn needs to be a superuser.
func MaintainPartitions(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, "select stand_in.maintain_partitions()"); err != nil {
		return fmt.Errorf("maintain partitions of realtime.messages: %w", err)
	}
	return nil
}

func runFiles(ctx context.Context, conn *pgx.Conn, names ...string) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock($1)", lockKey); err != nil {
			return fmt.Errorf("lock the stand-in's schema: %w", err)
		}
		for _, name := range names {
			if err := runFile(ctx, tx, name); err != nil {
				return err
			}
		}
		return nil
	})
}

// runFile sends the file as one simple query: the extended protocol takes one statement at a time.
func runFile(ctx context.Context, tx pgx.Tx, name string) error {
	text, err := files.ReadFile("sql/" + name + ".sql")
	if err != nil {
		return fmt.Errorf("read %s.sql: %w", name, err)
	}
	if _, err := tx.Conn().PgConn().Exec(ctx, string(text)).ReadAll(); err != nil {
		return fmt.Errorf("run %s.sql: %w", name, err)
	}
	return nil
}
