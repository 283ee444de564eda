package rules_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestKeywordsAreWholeWordsInAnyScript(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, test := range []struct {
		word, content string
		want          bool
	}{
		{"agent", "An AGENT, please!", true},
		{"agent", "agent", true},
		{"agent", "(agent)", true},
		{"agent", "agent🙏", true},
		{"agent", "reagent", false},
		{"agent", "agents", false},
		{"agent", "the agent2 model", false},
		{"person", "in-person visit", true},
		{"person", "impersonal", false},
		{"speak to someone", "Can I speak  to\nsomeone?", true},
		{"speak to someone", "speak to someones", false},
		{"c++", "I write C++ code", true},
		{"c++", "I write C code", false},
		{"a.b", "axb", false},
		{"$help", "give me $help now", true},
		{"человек", "Мне нужен ЧЕЛОВЕК!", true},
		{"человек", "два человека", false},
		{"άνθρωπος", "Θέλω άνθρωπος.", true},
		{"mensch", "«Mensch»", true},
		{"über", "Über uns", true},
		{"über", "überall", false},
		{"école", "à l’école", true},
		{"شخص", "أريد شخص حقيقي", true},
		{"شخص", "الشخصية", false},
		{"इंसान", "मुझे इंसान चाहिए।", true},
		{"इंसा", "मुझे इंसान चाहिए", false},
		{"人工", "我要人工客服", true},
		{"担当者", "担当者と話したい", true},
		{"상담원", "상담원과 이야기", true},
		{"คน", "อยากคุยกับคนจริง", true},
		{"human", "", false},
		{"", "anything", false},
	} {
		got := read[bool](t, w, `select handoff.contains_word($1, $2)`, test.content, test.word)
		assert.Equal(t, test.want, got, "%q in %q", test.word, test.content)
	}
}

func TestKeywordsMatchEverythingLiterally(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	printable := rapid.StringOfN(rapid.RuneFrom(nil, unicode.Latin, unicode.Punct, unicode.Symbol, unicode.Digit), 1, 12, -1)
	rapid.Check(t, func(rt *rapid.T) {
		word := printable.Draw(rt, "word")
		if strings.ContainsRune(word, 0) {
			rt.Skip("Postgres text has no zero")
		}
		var found bool
		err := w.root.QueryRow(t.Context(), `select handoff.contains_word('say ' || $1 || ' now', $1)`, word).Scan(&found)
		require.NoError(rt, err, "%q", word)
		assert.True(rt, found, "%q", word)
	})
}
