package manager

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestLogger_WritesNoWordsOfTheAPIServer(t *testing.T) {
	const quoted = "aVeRySeCrEtAuTh=="
	refused := fmt.Errorf("writing the target: %w", apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "s", errors.New("denied: "+quoted)))
	var out bytes.Buffer
	var l logFlags
	log := l.logger(&out)
	log.Error(refused, "Reconciler error", "cause", refused)
	log.WithName("n").WithValues("err", refused).Info("It failed", "error", refused)
	log.WithCallDepth(1).Error(refused, "deeper")
	text := out.String()
	if strings.Contains(text, quoted[:6]) {
		t.Errorf("the log repeats what a policy quotes: %s", text)
	}
	if n := strings.Count(text, "writing the target: the API server answers 403 Forbidden"); n != 5 {
		t.Errorf("the error is in the log %d times, want 5: %s", n, text)
	}
}

func TestLogger_LeavesOutTheCallsThatItIsToldTo(t *testing.T) {
	var out bytes.Buffer
	var l logFlags
	log := l.logger(&out)
	// stack is what an error is logged with: two lines for each call.
	stack := func(log logr.Logger) []string {
		out.Reset()
		log.Error(errors.New("broken"), "It failed")
		var entry struct{ Stacktrace string }
		if err := json.Unmarshal(out.Bytes(), &entry); err != nil {
			t.Fatal(err)
		}
		return strings.Split(entry.Stacktrace, "\n")
	}
	if all, less := stack(log), stack(log.WithCallDepth(1)); !slices.Equal(all[2:], less) {
		t.Errorf("without its first call the stack\n%s\nis\n%s", strings.Join(all, "\n"), strings.Join(less, "\n"))
	}
}
