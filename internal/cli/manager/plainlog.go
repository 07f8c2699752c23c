package manager

import (
	"github.com/go-logr/logr"

	"github.com/openshift/credential-rotation-operator/internal/apierr"
)

// plainSink keeps the API server's texts out of the log: controller-runtime and client-go log errors unchanged, and an admission policy may have
// put a part of a Secret into one.
type plainSink struct{ logr.LogSink }

// withoutForeignWords is the same log with errors in our own words.
func withoutForeignWords(log logr.Logger) logr.Logger {
	return log.WithSink(plainSink{log.GetSink()}.WithCallDepth(1)) // this sink adds one call to the stack
}

func (s plainSink) Error(err error, msg string, keysAndValues ...any) {
	s.LogSink.Error(apierr.Plain(err), msg, plainValues(keysAndValues)...)
}

func (s plainSink) Info(level int, msg string, keysAndValues ...any) {
	s.LogSink.Info(level, msg, plainValues(keysAndValues)...)
}

func (s plainSink) WithValues(keysAndValues ...any) logr.LogSink {
	return plainSink{s.LogSink.WithValues(plainValues(keysAndValues)...)}
}

func (s plainSink) WithName(name string) logr.LogSink { return plainSink{s.LogSink.WithName(name)} }

// WithCallDepth keeps the line numbers correct.
func (s plainSink) WithCallDepth(depth int) logr.LogSink {
	if inner, ok := s.LogSink.(logr.CallDepthLogSink); ok {
		return plainSink{inner.WithCallDepth(depth)}
	}
	return s
}

// plainValues copies the list only when it has an error in it.
func plainValues(list []any) []any {
	var out []any
	for i, v := range list {
		err, isError := v.(error)
		if !isError {
			continue
		}
		if out == nil {
			out = append(make([]any, 0, len(list)), list...)
		}
		out[i] = apierr.Words(err)
	}
	if out == nil {
		return list
	}
	return out
}
