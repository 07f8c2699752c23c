package manager

import (
	"bytes"
	"encoding/json"
	"fmt"
	stdlog "log"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/spf13/pflag"
	"k8s.io/klog/v2"
)

func TestBoundedLog_LeavesOutWhatIsTooMuchAndSaysSo(t *testing.T) {
	var lines []string
	b := newBoundedLog(funcr.New(func(_, line string) { lines = append(lines, line) }, funcr.Options{}))
	for range 1000 {
		b.Info("somebody knocks")
	}
	if len(lines) < logBurst || len(lines) > logBurst+2 {
		t.Errorf("%d of a thousand lines were logged, want about %d", len(lines), logBurst)
	}
	if strings.Contains(lines[0], "leftOutBefore") {
		t.Errorf("lines are said to be left out before the first: %s", lines[0])
	}
	b.limit = always{}
	b.Info("somebody knocks")
	if last, left := lines[len(lines)-1], 1001-len(lines); !strings.Contains(last, fmt.Sprintf(`"leftOutBefore"=%d`, left)) {
		t.Errorf("that %d lines were left out is not said: %s", left, last)
	}
}

// always has room.
type always struct{}

func (always) TryAccept() bool { return true }
func (always) Stop()           {}
func (always) QPS() float32    { return 0 }

// What net/http says about a failed TLS handshake is one JSON line like all others, and only at a level that somebody asks for.
func TestUseLogger_TakesInTheStandardLibrary(t *testing.T) {
	flags, writer := stdlog.Flags(), stdlog.Writer()
	t.Cleanup(func() {
		stdlog.SetFlags(flags)
		stdlog.SetOutput(writer)
		klog.SetLogger(logr.Discard())
	})
	for level, want := range map[string]bool{"info": false, "1": true} {
		var out bytes.Buffer
		var l logFlags
		flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
		l.bind(flags)
		if err := flags.Set("zap-log-level", level); err != nil {
			t.Fatal(err)
		}
		useLogger(l.logger(&out))
		stdlog.Printf("http: TLS handshake error from %s: EOF", "10.0.0.1:1")
		if got := strings.Contains(out.String(), "TLS handshake error"); got != want {
			t.Errorf("at level %s it is logged: %t, want %t", level, got, want)
		}
		if !want {
			continue
		}
		var entry struct{ Line string }
		if err := json.Unmarshal(out.Bytes(), &entry); err != nil {
			t.Errorf("the line is no JSON: %v: %s", err, out.String())
		}
		if want := "http: TLS handshake error from 10.0.0.1:1: EOF"; entry.Line != want {
			t.Errorf("the line is %q, want %q alone", entry.Line, want)
		}
	}
}
