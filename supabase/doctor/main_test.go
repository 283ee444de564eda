package doctor_test

import (
	"testing"

	"github.com/supportbase/handoff/supabase/local/localtest"
)

func TestMain(m *testing.M) { localtest.Main(m) }
