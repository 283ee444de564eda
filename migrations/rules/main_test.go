package rules_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/supportbase/handoff/migrations"
	"github.com/supportbase/handoff/supabase/local/localtest"
)

func TestMain(m *testing.M) { localtest.Main(m) }

// migrated is the setup of a database that has all migrations.
func migrated(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	_, err = migrations.Up(ctx, conn)
	return err
}
