package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The statements run with an empty search path, so that format_type and pg_get_expr qualify what they print.

const tablesQuery = `
select c.relname,
       a.attname,
       format_type(a.atttypid, -1),
       coalesce(case
         when a.attidentity <> '' then format('nextval(%L::regclass)', pg_get_serial_sequence(format('%I.%I', n.nspname, c.relname), a.attname))
         when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid)
       end, '')
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
where n.nspname = $1 and c.relkind in ('r', 'p', 'v', 'm', 'f')
order by c.relname, a.attnum`

const primaryKeysQuery = `
select c.relname, a.attname
from pg_constraint p
join pg_class c on c.oid = p.conrelid
join pg_namespace n on n.oid = c.relnamespace
cross join unnest(p.conkey) with ordinality as k(attnum, position)
join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
where n.nspname = $1 and p.contype = 'p'
order by c.relname, k.position`

const foreignKeysQuery = `
select f.conname, c.relname, target.relname,
       array(select a.attname::text from unnest(f.conkey) with ordinality as k(attnum, position)
             join pg_attribute a on a.attrelid = f.conrelid and a.attnum = k.attnum order by k.position),
       array(select a.attname::text from unnest(f.confkey) with ordinality as k(attnum, position)
             join pg_attribute a on a.attrelid = f.confrelid and a.attnum = k.attnum order by k.position),
       exists (select from pg_constraint u where u.conrelid = f.conrelid and u.contype in ('p', 'u')
               and u.conkey <@ f.conkey and u.conkey @> f.conkey),
       exists (select from pg_constraint p where p.conrelid = f.conrelid and p.contype = 'p' and p.conkey @> f.conkey)
from pg_constraint f
join pg_class c on c.oid = f.conrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_class target on target.oid = f.confrelid
join pg_namespace tn on tn.oid = target.relnamespace
where n.nspname = $1 and tn.nspname = $1 and f.contype = 'f' and f.conparentid = 0
order by f.conname, c.relname`

// A function with OUT or TABLE parameters returns rows with columns even when there is only one.
const functionsQuery = `
select p.oid, p.proname, p.provolatile = 'v', result.typname = 'void', p.proretset,
       result.typtype = 'c' or coalesce(base.typtype = 'c', false) or result.typname = 'record'
         or coalesce(p.proargmodes::text[] && '{t,b,o}', false),
       coalesce((select c.relname from pg_class c
                 where c.oid = coalesce(nullif(result.typrelid, 0), base.typrelid)
                 and c.relnamespace = p.pronamespace and c.relkind <> 'c'), ''),
       coalesce((select substring(setting from '=(.*)') from unnest(p.proconfig) as setting
                 where setting like 'statement_timeout=%'), '')
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join pg_type result on result.oid = p.prorettype
left join pg_type base on base.oid = result.typbasetype
where n.nspname = $1 and p.prokind = 'f' and result.typname not in ('trigger', 'event_trigger')
order by p.proname, p.oid`

const parametersQuery = `
select p.oid, coalesce(p.proargnames[parameter.position], ''), format_type(parameter.type, -1),
       row_number() over each > p.pronargs - p.pronargdefaults,
       coalesce(p.proargmodes[parameter.position], 'i') = 'v'
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
cross join unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) with ordinality as parameter(type, position)
where n.nspname = $1 and p.prokind = 'f' and coalesce(p.proargmodes[parameter.position], 'i') in ('i', 'b', 'v')
window each as (partition by p.oid order by parameter.position)
order by p.oid, parameter.position`

const rolesQuery = `
select r.rolname, known.name, substring(entry from '=(.*)')
from pg_db_role_setting s
join pg_roles r on r.oid = s.setrole
cross join unnest(s.setconfig) as entry
join pg_settings known on known.name = split_part(entry, '=', 1) and known.context = 'user'
where s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
and known.name <> 'search_path'
order by r.rolname, s.setdatabase, known.name`

// Load reads a Snapshot in one read-only transaction.
func Load(ctx context.Context, pool *pgxpool.Pool) (*Snapshot, error) {
	snapshot := &Snapshot{
		tables: map[string]*Table{}, functions: map[string][]*Function{}, roles: map[string][]Setting{},
	}
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, pool, options, func(tx pgx.Tx) error { return snapshot.load(ctx, tx) })
	if err != nil {
		return nil, fmt.Errorf("load schema cache: %w", err)
	}
	return snapshot, nil
}

func (s *Snapshot) load(ctx context.Context, tx pgx.Tx) error {
	functions := map[uint32]*Function{}
	var keys []foreignKey
	batch := &pgx.Batch{}
	batch.Queue("set local search_path = ''")
	queue(batch, s.scanColumn, tablesQuery, Schema)
	queue(batch, s.scanPrimaryKey, primaryKeysQuery, Schema)
	queue(batch, func(row pgx.CollectableRow) error { return scanForeignKey(row, &keys) }, foreignKeysQuery, Schema)
	queue(batch, func(row pgx.CollectableRow) error { return s.scanFunction(row, functions) }, functionsQuery, Schema)
	queue(batch, func(row pgx.CollectableRow) error { return scanParameter(row, functions) }, parametersQuery, Schema)
	queue(batch, s.scanRoleSetting, rolesQuery)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	s.relationships = relationships(keys)
	return nil
}

// queue adds a query whose rows all go to scan.
func queue(batch *pgx.Batch, scan func(pgx.CollectableRow) error, sql string, args ...any) {
	batch.Queue(sql, args...).Query(func(rows pgx.Rows) error {
		_, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (struct{}, error) { return struct{}{}, scan(row) })
		return err
	})
}

func (s *Snapshot) scanColumn(row pgx.CollectableRow) error {
	var table string
	var column Column
	if err := row.Scan(&table, &column.Name, &column.Type, &column.Default); err != nil {
		return err
	}
	if s.tables[table] == nil {
		s.tables[table] = &Table{Name: table}
	}
	s.tables[table].Columns = append(s.tables[table].Columns, column)
	return nil
}

func (s *Snapshot) scanPrimaryKey(row pgx.CollectableRow) error {
	var name, column string
	if err := row.Scan(&name, &column); err != nil {
		return err
	}
	if table := s.tables[name]; table != nil {
		table.PrimaryKey = append(table.PrimaryKey, column)
	}
	return nil
}

func scanForeignKey(row pgx.CollectableRow, keys *[]foreignKey) error {
	var key foreignKey
	var near, far []string
	if err := row.Scan(&key.Name, &key.Table, &key.Target, &near, &far, &key.Unique, &key.InPrimaryKey); err != nil {
		return err
	}
	for i := range near {
		key.Columns = append(key.Columns, ColumnPair{Near: near[i], Far: far[i]})
	}
	*keys = append(*keys, key)
	return nil
}

func (s *Snapshot) scanFunction(row pgx.CollectableRow, functions map[uint32]*Function) error {
	var oid uint32
	var timeout string
	function := &Function{}
	err := row.Scan(&oid, &function.Name, &function.Volatile, &function.Void, &function.Set, &function.Composite,
		&function.Table, &timeout)
	if err != nil {
		return err
	}
	if timeout != "" {
		function.Settings = []Setting{{Name: "statement_timeout", Value: timeout}}
	}
	functions[oid] = function
	s.functions[function.Name] = append(s.functions[function.Name], function)
	return nil
}

func scanParameter(row pgx.CollectableRow, functions map[uint32]*Function) error {
	var oid uint32
	var parameter Parameter
	if err := row.Scan(&oid, &parameter.Name, &parameter.Type, &parameter.Optional, &parameter.Variadic); err != nil {
		return err
	}
	if function := functions[oid]; function != nil {
		function.Parameters = append(function.Parameters, parameter)
	}
	return nil
}

func (s *Snapshot) scanRoleSetting(row pgx.CollectableRow) error {
	var role string
	var setting Setting
	if err := row.Scan(&role, &setting.Name, &setting.Value); err != nil {
		return err
	}
	s.roles[role] = append(s.roles[role], setting)
	return nil
}
