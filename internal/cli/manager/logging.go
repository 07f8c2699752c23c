package manager

import (
	"flag"
	"io"
	stdlog "log"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
	"go.uber.org/zap/zapcore"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	crzap "sigs.k8s.io/controller-runtime/pkg/log/zap"
)

// maxVerbosity is the most verbose level there is, whatever --zap-log-level says. From 8 on, client-go logs the bodies
// of its requests and answers, which for us means Secrets; from 7 on, their headers. 6 still shows each URL and status.
const maxVerbosity = 6

// logFlags are the flags of the log. Development mode (--zap-devel) is not among them: it logs whole objects where
// otherwise only their names are.
type logFlags struct{ options crzap.Options }

func (l *logFlags) bind(flags *pflag.FlagSet) {
	all := flag.NewFlagSet("log", flag.ContinueOnError)
	l.options.BindFlags(all)
	for _, name := range []string{"zap-encoder", "zap-log-level", "zap-stacktrace-level", "zap-time-encoding"} {
		flags.AddGoFlag(all.Lookup(name))
	}
}

// logger makes the one logger of the process, which writes to out.
func (l *logFlags) logger(out io.Writer) logr.Logger {
	options := l.options
	if options.Level != nil {
		options.Level = cappedLevel{options.Level}
	}
	return withoutForeignWords(crzap.New(crzap.UseFlagOptions(&options), crzap.WriteTo(out)))
}

// cappedLevel is a level that never enables what lies beyond maxVerbosity.
type cappedLevel struct{ zapcore.LevelEnabler }

// Enabled says whether an entry of this level is written. zap counts verbosity downwards: V(6) is level -6.
func (c cappedLevel) Enabled(level zapcore.Level) bool {
	return level >= -maxVerbosity && c.LevelEnabler.Enabled(level)
}

// useLogger makes every library of ours log there: controller-runtime, client-go by klog, what prints with the standard library, and glog, which the OCM SDK
// links in and which would else write files into the temporary directory.
func useLogger(log logr.Logger) {
	ctrl.SetLogger(log)
	klog.SetLoggerWithOptions(log, klog.ContextualLogger(true))
	// net/http and others print with the standard library's log, whenever somebody outside makes them.
	stdlog.SetFlags(0)
	stdlog.SetOutput(libraryLog{newBoundedLog(log.V(1).WithName("library"))})
	if f := flag.CommandLine.Lookup("logtostderr"); f != nil {
		// It is a bool, so "true" cannot be refused.
		_ = f.Value.Set("true")
	}
}
