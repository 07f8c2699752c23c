package manager

import (
	"strings"
	"sync/atomic"

	"github.com/go-logr/logr"
	"k8s.io/client-go/util/flowcontrol"
)

// Rate and burst of lines that an outsider can cause.
const logRate, logBurst = 0.2, 10

// boundedLog limits lines that anybody who reaches a port can cause: it drops the excess, and says how many lines it dropped.
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

// libraryLog receives what libraries print with the standard log package, such as a failed TLS handshake in net/http.
type libraryLog struct{ log *boundedLog }

// Write logs one line.
func (l libraryLog) Write(line []byte) (int, error) {
	l.log.Info("A library logs", "line", strings.TrimSpace(string(line)))
	return len(line), nil
}
