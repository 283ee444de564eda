package catalog_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/localtest"
	"github.com/supportbase/handoff/supabase/local/rest/catalog"
)

const schemaSQL = `
create schema internal;
create table internal.hidden (id int primary key);
create domain public.code as text;
create table public.teams (
  id bigint generated always as identity primary key,
  code public.code not null default 'x',
  tag character(3),
  settings jsonb,
  twice int generated always as (1 + 1) stored
);
create table public.people (
  id int, part int, team bigint references public.teams, boss int, boss_part int,
  primary key (id, part), constraint people_boss foreign key (boss, boss_part) references public.people
);
create table public.badges (team bigint primary key references public.teams);
create table public.skills (id int primary key);
create table public.person_skills (
  id int, part int, skill int references public.skills,
  primary key (id, part, skill), foreign key (id, part) references public.people
);
create table public.parts (id int primary key, team bigint references public.teams) partition by range (id);
create table public.parts_one partition of public.parts for values from (0) to (10);
create function public.f(a int, b text default '', out c int) language sql volatile as 'select 1';
create function public.g() returns setof public.teams language sql stable set statement_timeout = '5s' as 'select * from public.teams';
create function public.h(json) returns void language sql immutable as 'select';
create function public.v(variadic xs public.code[]) returns public.code language sql as $$ select 'x' $$;
create function internal.f() returns int language sql as 'select 1';
create aggregate public.agg (int) (sfunc = int4pl, stype = int);
`

func load(t *testing.T) *catalog.Snapshot {
	t.Helper()
	db := localtest.New(t, localtest.WithSetup("catalog", func(ctx context.Context, url string) error {
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return err
		}
		defer conn.Close(ctx) //nolint:errcheck // the schema stands or the test fails
		_, err = conn.Exec(ctx, schemaSQL)
		return err
	}))
	snapshot, err := catalog.Load(t.Context(), db.Pool(t, "authenticator"))
	require.NoError(t, err)
	return snapshot
}

func TestLoad(t *testing.T) {
	t.Parallel()
	snapshot := load(t)

	t.Run("tables of the exposed schema", func(t *testing.T) {
		t.Parallel()
		names := snapshot.TableNames()
		assert.Subset(t, names, []string{"teams", "people", "parts", "parts_one"})
		assert.NotContains(t, names, "hidden")
		assert.Equal(t, []string{"id", "part"}, snapshot.Table("people").PrimaryKey)
	})
	t.Run("columns with types and defaults that may stand in a statement", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, []catalog.Column{
			{Name: "id", Type: "bigint", Default: "nextval('public.teams_id_seq'::regclass)"},
			{Name: "code", Type: "public.code", Default: "'x'::text"},
			{Name: "tag", Type: "bpchar"},
			{Name: "settings", Type: "jsonb"},
			{Name: "twice", Type: "integer"},
		}, snapshot.Table("teams").Columns)
	})
	t.Run("functions", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, []*catalog.Function{{
			Name: "f", Volatile: true, Composite: true,
			Parameters: []catalog.Parameter{{Name: "a", Type: "integer"}, {Name: "b", Type: "text", Optional: true}},
		}}, snapshot.Functions("f"))
		assert.Equal(t, []*catalog.Function{{
			Name: "g", Set: true, Composite: true, Table: "teams",
			Settings: []catalog.Setting{{Name: "statement_timeout", Value: "5s"}},
		}}, snapshot.Functions("g"))
		assert.Equal(t, []*catalog.Function{{Name: "h", Void: true, Parameters: []catalog.Parameter{{Type: "json"}}}}, snapshot.Functions("h"))
		assert.Equal(t, []*catalog.Function{{
			Name: "v", Volatile: true, Parameters: []catalog.Parameter{{Name: "xs", Type: "public.code[]", Variadic: true}},
		}}, snapshot.Functions("v"))
		assert.Empty(t, snapshot.Functions("agg"))
	})
	t.Run("settings of roles", func(t *testing.T) {
		t.Parallel()
		assert.Contains(t, snapshot.RoleSettings("anon"), catalog.Setting{Name: "statement_timeout", Value: "3s"})
		assert.Empty(t, snapshot.RoleSettings("nobody"))
	})
}

func TestRelationships(t *testing.T) {
	t.Parallel()
	snapshot := load(t)
	for _, claim := range []struct {
		name, from, target, hint string
		want                     []catalog.Cardinality
	}{
		{"many to one by the table", "people", "teams", "", []catalog.Cardinality{catalog.ManyToOne}},
		{"many to one by the column", "people", "team", "", []catalog.Cardinality{catalog.ManyToOne}},
		{"one to many", "teams", "people", "", []catalog.Cardinality{catalog.OneToMany}},
		{"one to one in both directions", "teams", "badges", "", []catalog.Cardinality{catalog.OneToOne}},
		{"one to one backwards", "badges", "teams", "", []catalog.Cardinality{catalog.OneToOne}},
		{"many to many", "people", "skills", "", []catalog.Cardinality{catalog.ManyToMany}},
		{"many to many backwards", "skills", "people", "", []catalog.Cardinality{catalog.ManyToMany}},
		{"many to many by the junction", "skills", "people", "person_skills", []catalog.Cardinality{catalog.ManyToMany}},
		{"the children of a self reference", "people", "people", "", []catalog.Cardinality{catalog.OneToMany}},
		{"the children by the constraint", "people", "people", "people_boss", []catalog.Cardinality{catalog.OneToMany}},
		{"a hint that fits nothing", "people", "teams", "other", nil},
		{"partitioned tables once", "teams", "parts", "", []catalog.Cardinality{catalog.OneToMany}},
		{"tables without a relationship", "skills", "teams", "", nil},
	} {
		t.Run(claim.name, func(t *testing.T) {
			t.Parallel()
			var got []catalog.Cardinality
			for _, relationship := range snapshot.Relationships(claim.from, claim.target, claim.hint) {
				got = append(got, relationship.Cardinality)
			}
			assert.Equal(t, claim.want, got)
		})
	}
	t.Run("columns are paired in order", func(t *testing.T) {
		t.Parallel()
		found := snapshot.Relationships("people", "person_skills", "")
		require.Len(t, found, 1)
		assert.Equal(t, []catalog.ColumnPair{{Near: "id", Far: "id"}, {Near: "part", Far: "part"}}, found[0].Columns)
	})
}

func TestAccepts(t *testing.T) {
	t.Parallel()
	function := catalog.Function{Parameters: []catalog.Parameter{{Name: "a"}, {Name: "b", Optional: true}, {Name: "c", Variadic: true}}}
	assert.True(t, function.Accepts([]string{"a"}))
	assert.True(t, function.Accepts([]string{"a", "b", "c"}))
	assert.False(t, function.Accepts([]string{"b"}))
	assert.False(t, function.Accepts([]string{"a", "x"}))
	assert.False(t, function.TakesWhole("json"))
}

func TestNearest(t *testing.T) {
	t.Parallel()
	candidates := []string{"authors", "books", "labels"}
	for name, want := range map[string]string{"author": "authors", "BOOK": "books", "zzz": "", "": ""} {
		assert.Equal(t, want, catalog.Nearest(name, candidates), name)
	}
	assert.Empty(t, catalog.Nearest("x", nil))
}
