package replication

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// queryTimeout bounds each question to the catalogue.
const queryTimeout = 10 * time.Second

// survey is what a database looks like before anything is changed in it.
type survey struct {
	walLevel     string
	role         string
	mayReplicate bool
	database     string
	mayCreate    bool // publications are made in the database

	tableExists bool
	ownsTable   bool

	publicationExists bool
	publicationPlain  bool // inserts only, under the parent's name, no row filter
	publishedTables   []string

	slots, maxSlots int
}

// surveyQuery reads catalogues only, so that it works for a role that may not touch the outbox.
const surveyQuery = `
select current_setting('wal_level'),
       me.rolname::text,
       me.rolsuper or me.rolreplication,
       current_database()::text,
       has_database_privilege(current_database(), 'create'),
       outbox.oid is not null,
       coalesce(pg_has_role(outbox.relowner, 'usage'), false),
       publication.oid is not null,
       coalesce(publication.pubinsert and publication.pubviaroot
                and not (publication.pubupdate or publication.pubdelete or publication.pubtruncate), false)
           and not exists (select from pg_catalog.pg_publication_rel filtered
                           where filtered.prpubid = publication.oid
                             and (filtered.prqual is not null or filtered.prattrs is not null)),
       array(select format('%s.%s', published.schemaname, published.tablename)
             from pg_catalog.pg_publication_tables published where published.pubname = publication.pubname),
       (select count(*)::int from pg_catalog.pg_replication_slots),
       current_setting('max_replication_slots')::int
from pg_catalog.pg_roles me
left join (pg_catalog.pg_class outbox join pg_catalog.pg_namespace home on home.oid = outbox.relnamespace)
       on home.nspname = $1 and outbox.relname = $2
left join pg_catalog.pg_publication publication on publication.pubname = $3
where me.rolname = current_user`

const migrateRemedy = "Run `handoff migrate up` first"

// takeSurvey looks at the database. It changes nothing.
func takeSurvey(ctx context.Context, conn *pgx.Conn, table tableName, publication string) (survey, error) {
	queryCtx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	var s survey
	err := conn.QueryRow(queryCtx, surveyQuery, table.schema, table.table, publication).Scan(
		&s.walLevel, &s.role, &s.mayReplicate, &s.database, &s.mayCreate,
		&s.tableExists, &s.ownsTable,
		&s.publicationExists, &s.publicationPlain, &s.publishedTables,
		&s.slots, &s.maxSlots,
	)
	if err != nil {
		return survey{}, queryError("survey the database", err)
	}
	return s, nil
}

// obstacle names the first thing that keeps the stream from being set up, or nil. They come in the order in which a
// person would remove them.
func (s survey) obstacle(table tableName, publication string) error {
	switch {
	case s.walLevel != "logical":
		return &SetupError{
			Kind: ErrWALLevel, Detail: fmt.Sprintf("it is %q", s.walLevel),
			Remedy: "Set wal_level = logical in the server's configuration and restart it (on Supabase it is logical already)",
		}
	case !s.mayReplicate:
		return &SetupError{
			Kind: ErrReplicationRefused, Detail: fmt.Sprintf("role %s lacks the REPLICATION attribute", s.role),
			Remedy: fmt.Sprintf("Connect as postgres, or run as a superuser: alter role %s replication", s.role),
		}
	case !s.tableExists:
		return &SetupError{
			Kind: ErrNoTable, Detail: fmt.Sprintf("no %s in database %s", table, s.database),
			Remedy: migrateRemedy,
		}
	case s.publicationExists:
		return s.publicationObstacle(table, publication)
	case !s.mayCreate || !s.ownsTable:
		return &SetupError{
			Kind:   ErrPublication,
			Detail: fmt.Sprintf("role %s may not publish %s: it must own the table and may create in database %s", s.role, table, s.database),
			Remedy: fmt.Sprintf("Connect as the role that ran the migrations, or let it run: %s", publicationStatement(table, publication)),
		}
	default:
		return nil
	}
}

// publicationObstacle refuses a publication of other content: rows that it leaves out would be lost without a sign,
// and rows of other tables would end the stream.
func (s survey) publicationObstacle(table tableName, publication string) error {
	if s.publicationPlain && slices.Equal(s.publishedTables, []string{table.String()}) {
		return nil
	}
	return &SetupError{
		Kind: ErrPublication,
		Detail: fmt.Sprintf("%s must publish inserts of %s alone, under the parent's name and unfiltered; it publishes [%s]",
			publication, table, strings.Join(s.publishedTables, " ")),
		Remedy: fmt.Sprintf("Run: drop publication %s; it is made again by itself", pgx.Identifier{publication}.Sanitize()),
	}
}
