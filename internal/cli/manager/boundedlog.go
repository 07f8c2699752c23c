package manager

import (
	"strings"
	"sync/atomic"

	"github.com/go-logr/logr"
	"k8s.io/client-go/util/flowcontrol"
)

// Lines a second, and at once, that somebody outside can cause.
const logRate, logBurst = 0.2, 10

// boundedLog is a log for what anybody who reaches a port can cause: it leaves out what is too much, and says how much that was.
type boundedLog struct {
	logr.Logger
	limit   flowcontrol.PassiveRateLimiter
	skipped atomic.Int64
}

func newBoundedLog(log logr.Logger) *boundedLog {
	return &boundedLog{Logger: log, limit: flowcontrol.NewTokenBucketPassiveRateLimiter(logRate, logBurst)}
}

// Info logs, or counts.
func (b *boundedLog) Info(msg string, keysAndValues ...any) {
	if !b.limit.TryAccept() {
		b.skipped.Add(1)
		return
	}
	if n := b.skipped.Swap(0); n > 0 {
		keysAndValues = append(keysAndValues, "leftOutBefore", n)
	}
	b.Logger.Info(msg, keysAndValues...)
}

// libraryLog takes what libraries print with the standard library's log, such as net/http a failed TLS handshake.
type libraryLog struct{ log *boundedLog }

// Write is one line.
func (l libraryLog) Write(line []byte) (int, error) {
	l.log.Info("A library says", "line", strings.TrimSpace(string(line)))
	return len(line), nil
}
