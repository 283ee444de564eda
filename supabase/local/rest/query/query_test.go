package query_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/rest/query"
)

func column(name string) query.Item { return query.Item{Field: query.Field{Name: name}} }

func TestSelect(t *testing.T) {
	t.Parallel()
	for _, claim := range []struct {
		name, text string
		want       []query.Item
	}{
		{"empty is everything", "", []query.Item{column("*")}},
		{"columns", "id, full name ,a-b,$x", []query.Item{column("id"), column("full name"), column("a-b"), column("$x")}},
		{"quoted names", `"a,b(""",*`, nil},
		{"escaped quotes", `"a\"b\\"`, []query.Item{column(`a"b\`)}},
		{"alias and cast", "n:name::double precision", []query.Item{{Alias: "n", Field: query.Field{Name: "name"}, Cast: "double precision"}}},
		{"paths", "a->b->>0->-1->2x", []query.Item{{Field: query.Field{Name: "a", Path: []query.Step{
			{Operand: "b"}, {Operand: "0", Index: true, Text: true}, {Operand: "-1", Index: true}, {Operand: "2x"},
		}}}}},
		{"embedded", "id,b:books!fk!inner(title,labels(*)),...p(x),e()", []query.Item{
			column("id"),
			{Alias: "b", Embed: &query.Embed{Relation: "books", Hint: "fk", Inner: true, Select: []query.Item{
				column("title"), {Embed: &query.Embed{Relation: "labels", Select: []query.Item{column("*")}}},
			}}},
			{Embed: &query.Embed{Relation: "p", Spread: true, Select: []query.Item{column("x")}}},
			{Embed: &query.Embed{Relation: "e"}},
		}},
		{"left is the default join", "b!left(x)", []query.Item{{Embed: &query.Embed{Relation: "b", Select: []query.Item{column("x")}}}}},
	} {
		t.Run(claim.name, func(t *testing.T) {
			t.Parallel()
			params, err := query.Parse("select="+url.QueryEscape(claim.text), false)
			if claim.want == nil {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, claim.want, params.Select)
		})
	}
}

func TestLabel(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a": "a", "x:a": "x", "a->b->>0": "b", "a->0": "a", "b(x)": "b", "y:b(x)": "y",
	} {
		params, err := query.Parse("select="+url.QueryEscape(text), false)
		require.NoError(t, err)
		assert.Equal(t, want, params.Select[0].Label(), text)
	}
}

func TestFilter(t *testing.T) {
	t.Parallel()
	field := query.Field{Name: "c"}
	for _, claim := range []struct {
		value string
		want  query.Comparison
	}{
		{"eq.a.b,(c)", query.Comparison{Operator: "eq", Value: "a.b,(c)"}},
		{"eq.", query.Comparison{Operator: "eq"}},
		{"not.gte.3", query.Comparison{Operator: "gte", Value: "3", Negated: true}},
		{"in.(a,\"b,c\",d\"e)", query.Comparison{Operator: query.In, Values: []string{"a", "b,c", `d"e`}}},
		{"in.()", query.Comparison{Operator: query.In, Values: []string{}}},
		{"in.(a,)", query.Comparison{Operator: query.In, Values: []string{"a", ""}}},
		{"is.NULL", query.Comparison{Operator: query.Is, Value: "null"}},
		{"is.not_null", query.Comparison{Operator: query.Is, Value: "not_null"}},
		{"like(any).{a*,b*}", query.Comparison{Operator: "like", Quantifier: "any", Value: "{a*,b*}"}},
		{"plfts(english).a b", query.Comparison{Operator: "plfts", Language: "english", Value: "a b"}},
		{"isdistinct.x", query.Comparison{Operator: "isdistinct", Value: "x"}},
	} {
		t.Run(claim.value, func(t *testing.T) {
			t.Parallel()
			params, err := query.Parse("c="+url.QueryEscape(claim.value), false)
			require.NoError(t, err)
			claim.want.Field = field
			assert.Equal(t, []query.Condition{claim.want}, params.At().Where)
		})
	}
}

func TestLogic(t *testing.T) {
	t.Parallel()
	params, err := query.Parse(url.PathEscape(`x.not.or=(a.eq.1, not.and(b.in.(1,2),c.cs.{1,2}),or.eq."x,y)",d->>e.not.is.null)`), false)
	require.NoError(t, err)
	assert.Empty(t, params.At().Where)
	assert.Equal(t, []query.Condition{query.Group{Negated: true, Any: true, Of: []query.Condition{
		query.Comparison{Field: query.Field{Name: "a"}, Operator: "eq", Value: "1"},
		query.Group{Negated: true, Of: []query.Condition{
			query.Comparison{Field: query.Field{Name: "b"}, Operator: query.In, Values: []string{"1", "2"}},
			query.Comparison{Field: query.Field{Name: "c"}, Operator: "cs", Value: "{1,2}"},
		}},
		query.Comparison{Field: query.Field{Name: "or"}, Operator: "eq", Value: "x,y)"},
		query.Comparison{Field: query.Field{Name: "d", Path: []query.Step{{Operand: "e", Text: true}}}, Operator: query.Is, Value: "null", Negated: true},
	}}}, params.At("x").Where)
}

func TestOrderAndRange(t *testing.T) {
	t.Parallel()
	params, err := query.Parse("order=a,b->>c.desc.nullslast,d(e).asc&order=f.nullsfirst&limit=5&offset=-3&x.y.limit=2&x.y.order=z&limit.x=eq.1&x.limit=many", false)
	require.NoError(t, err)
	root := params.At()
	assert.Equal(t, []query.Order{
		{Field: query.Field{Name: "a"}},
		{Field: query.Field{Name: "b", Path: []query.Step{{Operand: "c", Text: true}}}, Direction: "desc", Nulls: "last"},
		{Relation: "d", Field: query.Field{Name: "e"}, Direction: "asc"},
		{Field: query.Field{Name: "f"}, Nulls: "first"},
	}, root.Order)
	assert.EqualValues(t, 5, *root.Limit)
	assert.Zero(t, root.Offset, "a negative offset is none")
	assert.EqualValues(t, 2, *params.At("x", "y").Limit)
	assert.Nil(t, params.At("x").Limit, "what is no number is ignored")
	assert.Equal(t, []string{"limit", "x.y"}, params.Paths())
}

func TestArguments(t *testing.T) {
	t.Parallel()
	const text = "a=1&b=eq.2&c=v1.2&a=3&d.e=eq.4&f=not.a.word"
	params, err := query.Parse(text, true)
	require.Error(t, err, "f looks like a filter")
	require.Nil(t, params)

	params, err = query.Parse(strings.TrimSuffix(text, "&f=not.a.word"), true)
	require.NoError(t, err)
	assert.Equal(t, []query.Argument{{Name: "a", Value: "1"}, {Name: "c", Value: "v1.2"}, {Name: "a", Value: "3"}}, params.Arguments)
	assert.Len(t, params.At().Where, 1)
	assert.Equal(t, []string{"d"}, params.Paths())

	_, err = query.Parse("a=1", false)
	require.Error(t, err, "a table has no arguments")
}

func TestColumns(t *testing.T) {
	t.Parallel()
	params, err := query.Parse(url.PathEscape(`columns="a b",c&on_conflict=d, e`), false)
	require.NoError(t, err)
	assert.Equal(t, []string{"a b", "c"}, params.Columns)
	assert.Equal(t, []string{"d", "e"}, params.OnConflict)
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]query.Error{
		"select=a,,b":    {Code: query.CodeParse, Message: `"failed to parse select parameter (a,,b)" (line 1, column 3)`, Details: `unexpected "," expecting field name (* or [a..z0..9_$])`},
		"select=a(b":     {Code: query.CodeParse, Message: `"failed to parse select parameter (a(b)" (line 1, column 4)`, Details: `unexpected end of input expecting "," or ")"`},
		"select=a::":     {Code: query.CodeParse, Message: `"failed to parse select parameter (a::)" (line 1, column 4)`, Details: `unexpected end of input expecting letter or digit`},
		"select=é()x":    {Code: query.CodeParse, Message: `"failed to parse select parameter (é()x)" (line 1, column 4)`, Details: `unexpected "x" expecting "->>", "->", "::", ")", "," or end of input`},
		"select=count()": {Code: query.CodeAggregate, Message: "Use of aggregate functions is not allowed"},
		"select=a.avg()": {Code: query.CodeAggregate, Message: "Use of aggregate functions is not allowed"},
		"a=noop.0":       {Code: query.CodeParse, Message: `"failed to parse filter (noop.0)" (line 1, column 1)`, Details: "unknown single value operator noop"},
		"a=in(any).1":    {Code: query.CodeParse, Message: `"failed to parse filter (in(any).1)" (line 1, column 1)`, Details: "unknown single value operator in(any)"},
		"a=b":            {Code: query.CodeParse, Message: `"failed to parse filter (b)" (line 1, column 1)`, Details: `unexpected "b" expecting operator (eq, gt, ...)`},
		"a=is.maybe":     {Code: query.CodeParse, Message: `"failed to parse filter (is.maybe)" (line 1, column 4)`, Details: `unexpected "m" expecting isVal: (null, not_null, true, false, unknown)`},
		"a=in.1,2":       {Code: query.CodeParse, Message: `"failed to parse filter (in.1,2)" (line 1, column 4)`, Details: `unexpected "1" expecting "("`},
		"order=a.down":   {Code: query.CodeParse, Message: `"failed to parse order (a.down)" (line 1, column 2)`, Details: `unexpected "." expecting "asc", "desc", "nullsfirst" or "nullslast"`},
		"or=()":          {Code: query.CodeParse, Message: `"failed to parse logic tree (())" (line 1, column 2)`, Details: `unexpected ")" expecting field name (* or [a..z0..9_$])`},
		"or=(a.eq.1":     {Code: query.CodeParse, Message: `"failed to parse logic tree ((a.eq.1)" (line 1, column 8)`, Details: `unexpected end of input expecting "," or ")"`},
		`"a=eq.1`:        {Code: query.CodeParse, Message: `"failed to parse tree path ("a)" (line 1, column 1)`, Details: "a double quote is not closed"},
		"a=%zz":          {Code: query.CodeParse, Message: `"failed to parse query string" (line 1, column 1)`, Details: `invalid URL escape "%zz"`},
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			_, err := query.Parse(text, false)
			var got *query.Error
			require.ErrorAs(t, err, &got)
			assert.Equal(t, want, *got)
		})
	}
	t.Run("nesting is bounded", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{
			"select=" + strings.Repeat("a(", 1000) + strings.Repeat(")", 1000),
			"or=" + strings.Repeat("(and", 1000) + "(a.eq.1" + strings.Repeat(")", 1001),
		} {
			_, err := query.Parse(text, false)
			assert.ErrorContains(t, err, "levels of parentheses")
		}
	})
}

// FuzzParse looks for panics and hangs, and for refusals in a form that cannot be answered.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"select=*,a:b->c->>0::text,d!e!inner(f,g()),...h(i)&a=not.in.(1,%22b%22)&order=a.desc.nullslast,b(c)",
		`or=(a.eq."b\"",not.and(c.cs.{1,2},d.is.null))&a.not.or=(b.fts(x).y)&limit=-1&x.offset=9`,
		`columns="a",b&on_conflict=c&select=a::`, "a=like(any).{b}&select=%00%ff", `select="\`, "or=(((", "select=..a(",
	} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, text string, arguments bool) {
		params, err := query.Parse(text, arguments)
		if err == nil {
			require.NotEmpty(t, params.Select)
			return
		}
		var refused *query.Error
		require.ErrorAs(t, err, &refused)
		require.NotEmpty(t, refused.Code)
		require.NotEmpty(t, refused.Message)
	})
}
