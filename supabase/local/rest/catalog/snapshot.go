package catalog

import (
	"maps"
	"slices"
)

// Schema is the one exposed schema.
const Schema = "public"

// Snapshot is the schema at one moment. It is immutable.
type Snapshot struct {
	tables        map[string]*Table
	functions     map[string][]*Function
	relationships []Relationship
	roles         map[string][]Setting
}

// Table finds a table by name, nil when there is none.
func (s *Snapshot) Table(name string) *Table { return s.tables[name] }

// TableNames are all names, sorted.
func (s *Snapshot) TableNames() []string { return slices.Sorted(maps.Keys(s.tables)) }

// Functions are the overloads under a name.
func (s *Snapshot) Functions(name string) []*Function { return s.functions[name] }

// FunctionNames are all names, sorted.
func (s *Snapshot) FunctionNames() []string { return slices.Sorted(maps.Keys(s.functions)) }

// RoleSettings are the settings that ALTER ROLE gave a role. A role taken by SET ROLE does not get them by itself.
func (s *Snapshot) RoleSettings(role string) []Setting { return s.roles[role] }
