package rest

import (
	"fmt"
	"math"
	"net/http"
	"regexp"
	"strconv"

	"github.com/supportbase/handoff/supabase/local/rest/query"
)

// maxRows caps the rows of a table or a set, as on hosted Supabase.
const maxRows = 1000

// rowRange is a part of a result.
type rowRange struct {
	offset int64
	// limit is nil for no end.
	limit *int64
}

var rangeHeader = regexp.MustCompile(`^(\d{1,18})-(\d{0,18})$`)

// rangeOf is the part that limit, offset and, for reads, the Range header leave.
func rangeOf(level query.Level, r *http.Request) (rowRange, error) {
	if level.Limit != nil && *level.Limit < 0 {
		return rowRange{}, badRange("Limit should be greater than or equal to zero.")
	}
	part := rowRange{offset: level.Offset, limit: level.Limit}
	bounds := rangeHeader.FindStringSubmatch(r.Header.Get("Range"))
	if bounds == nil || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return part, nil
	}
	return part.narrow(bounds[1], bounds[2])
}

// narrow intersects with the boundaries of a Range header, the upper one inclusive or empty.
func (p rowRange) narrow(lower, upper string) (rowRange, error) {
	first, err := strconv.ParseInt(lower, 10, 64)
	if err != nil {
		return rowRange{}, badRange("Limit should be greater than or equal to zero.")
	}
	end := p.end()
	if last, err := strconv.ParseInt(upper, 10, 64); err == nil {
		if last < first {
			return rowRange{}, badRange("The lower boundary must be lower than or equal to the upper boundary in the Range header.")
		}
		if end == nil || last+1 < *end {
			stop := last + 1
			end = &stop
		}
	}
	narrowed := rowRange{offset: max(p.offset, first)}
	if end != nil {
		limit := max(*end-narrowed.offset, 0)
		narrowed.limit = &limit
	}
	return narrowed, nil
}

// end is the first row behind the part, nil for none (or none that a number can tell).
func (p rowRange) end() *int64 {
	if p.limit == nil || p.offset > math.MaxInt64-*p.limit {
		return nil
	}
	end := p.offset + *p.limit
	return &end
}

// capped keeps the part within maxRows.
func (p rowRange) capped() rowRange {
	limit := int64(maxRows)
	if p.limit != nil {
		limit = min(limit, *p.limit)
	}
	p.limit = &limit
	return p
}

// clause is the LIMIT and OFFSET of the part, empty for everything. Numbers need no binding.
func (p rowRange) clause() string {
	text := ""
	if p.limit != nil {
		text = fmt.Sprintf(" limit %d", *p.limit)
	}
	if p.offset > 0 {
		text += fmt.Sprintf(" offset %d", p.offset)
	}
	return text
}

// contentRange is the header's value for rows lower to upper of total, which is nil when it was not counted.
func contentRange(lower, upper int64, total *int64) string {
	rows, all := "*", "*"
	if lower <= upper && (total == nil || *total != 0) {
		rows = fmt.Sprintf("%d-%d", lower, upper)
	}
	if total != nil {
		all = strconv.FormatInt(*total, 10)
	}
	return rows + "/" + all
}

// rangeStatus tells a full answer from a partial one, and refuses an offset behind the end.
func (p rowRange) rangeStatus(rows int64, total *int64) (int, error) {
	switch {
	case total == nil:
		return http.StatusOK, nil
	case p.offset > *total:
		return 0, badRange(fmt.Sprintf("An offset of %d was requested, but there are only %d rows.", p.offset, *total))
	case rows < *total:
		return http.StatusPartialContent, nil
	default:
		return http.StatusOK, nil
	}
}
