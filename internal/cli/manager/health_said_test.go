package manager

import (
	"errors"
	"net/http"
	"testing"

	"github.com/go-logr/logr/funcr"
)

func TestSaidOnce_LogsEachReasonOnce(t *testing.T) {
	var fails error
	lines := 0
	check := saidOnce(funcr.New(func(string, string) { lines++ }, funcr.Options{}), "name", func(*http.Request) error { return fails })
	for _, step := range []struct {
		fails error
		// lines are logged by three probes.
		lines int
	}{{nil, 0}, {errors.New("a"), 1}, {errors.New("b"), 1}, {nil, 0}, {errors.New("b"), 1}} {
		lines, fails = 0, step.fails
		for range 3 {
			if err := check(nil); !errors.Is(err, step.fails) {
				t.Errorf("the check says %v, want %v", err, step.fails)
			}
		}
		if lines != step.lines {
			t.Errorf("%v is logged %d times, want %d", step.fails, lines, step.lines)
		}
	}
}
