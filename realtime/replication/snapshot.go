package replication

import (
	"fmt"
	"strconv"
	"strings"
)

// snapshot is a pg_snapshot: which transactions had ended, and so were visible if they committed, when it was taken. It
// says what of the outbox is done more exactly than a lowest xid can: a transaction that runs for hours holds back
// nothing but itself.
//
// Of two snapshots the later one shows all that the earlier one did. Events of one conversation are written under its
// row lock, and a lock is given up only after its transaction has become visible; so what one snapshot shows of a
// conversation, and the next one adds, is in the order in which it was written. (A horizon that is one xid has no such
// property: of two transactions on a conversation the second may have the lower xid.)
type snapshot struct {
	// xmin: all below had ended. xmax: it and all above had not.
	xmin, xmax uint64
	// running are those between the two that had not ended.
	running []uint64
}

// nothing is the snapshot in which no transaction is visible.
var nothing = snapshot{xmin: 1, xmax: 1}

// parseSnapshot reads Postgres's text form, for example 10:20:10,14.
func parseSnapshot(text string) (snapshot, error) {
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return snapshot{}, fmt.Errorf("snapshot %q: want xmin:xmax:list", text)
	}
	var numbers []uint64
	for _, each := range append(parts[:2], strings.FieldsFunc(parts[2], isComma)...) {
		number, err := strconv.ParseUint(each, 10, 64)
		if err != nil {
			return snapshot{}, fmt.Errorf("snapshot %q: %w", text, err)
		}
		numbers = append(numbers, number)
	}
	return snapshot{xmin: numbers[0], xmax: numbers[1], running: numbers[2:]}, nil
}

func isComma(r rune) bool { return r == ',' }

// String is Postgres's text form.
func (s snapshot) String() string {
	return fmt.Sprintf("%d:%d:%s", s.xmin, s.xmax, s.list())
}

func (s snapshot) list() string {
	texts := make([]string, len(s.running))
	for i, xid := range s.running {
		texts[i] = strconv.FormatUint(xid, 10)
	}
	return strings.Join(texts, ",")
}

// unseen is the condition, on the outbox's xid, for what the snapshot does not show. The primary key begins with xid, so
// however long a transaction runs, rows that were read before are not looked at again.
func (s snapshot) unseen() string {
	condition := fmt.Sprintf("xid >= '%d'::xid8", s.xmax)
	if len(s.running) > 0 {
		condition += fmt.Sprintf(" or xid = any ('{%s}'::xid8[])", s.list())
	}
	return "(" + condition + ")"
}

// beyond reports that the server counts lower now than when the snapshot was taken: the database was restored from a dump
// into a fresh server, so its old rows carry numbers of the future.
func (s snapshot) beyond(now snapshot) bool {
	return s.xmax > now.xmax
}
