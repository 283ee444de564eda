package assistant

import (
	"strings"
	"unicode"
)

// Answer is what the assistant says to a question.
type Answer struct {
	Text string
	// Confidence is how sure it is, 0 to 1.
	Confidence float64
	// Source is the page the answer is from; empty for none.
	Source string
}

// Reply answers a question by its best topic: the one with most words in it, the longer ones counting more.
func Reply(question string) Answer {
	best, most := unknown, 0
	asked := normalise(question)
	for _, candidate := range topics {
		if score := candidate.score(asked); score > most {
			best, most = candidate, score
		}
	}
	return Answer{Text: best.answer, Confidence: best.confidence, Source: best.source}
}

// score is the length of all of the topic's words that begin a word of the question.
func (t topic) score(asked string) (sum int) {
	for _, word := range t.words {
		if strings.Contains(asked, " "+word) && (len(word) > shortest || strings.Contains(asked, " "+word+" ")) {
			sum += len(word)
		}
	}
	return sum
}

// shortest stems must be a whole word: "hi" is no "his", "led" no "ledger".
const shortest = 3

// normalise gives lower-case words with one space around each.
func normalise(text string) string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	return " " + strings.Join(words, " ") + " "
}
