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

// maxVerbosity limits the verbosity, whatever --zap-log-level says. From level 8, client-go logs the bodies of its requests and answers, which
// may be Secrets; from 7, their headers. Level 6 still shows each URL and status.
const maxVerbosity = 6

// logFlags are the flags of the log. They exclude development mode (--zap-devel), which logs whole objects instead of only their names.
type logFlags struct{ options crzap.Options }

func (l *logFlags) bind(flags *pflag.FlagSet) {
	all := flag.NewFlagSet("log", flag.ContinueOnError)
	l.options.BindFlags(all)
	for _, name := range []string{"zap-encoder", "zap-log-level", "zap-stacktrace-level", "zap-time-encoding"} {
		flags.AddGoFlag(all.Lookup(name))
	}
}

// logger makes the logger of the process, which writes to out.
func (l *logFlags) logger(out io.Writer) logr.Logger {
	options := l.options
	if options.Level != nil {
		options.Level = cappedLevel{options.Level}
	}
	return withoutForeignWords(crzap.New(crzap.UseFlagOptions(&options), crzap.WriteTo(out)))
}

// cappedLevel is a level that never enables more than maxVerbosity.
type cappedLevel struct{ zapcore.LevelEnabler }

// Enabled is true if an entry of this level is written. zap counts verbosity downwards: V(6) is level -6.
func (c cappedLevel) Enabled(level zapcore.Level) bool {
	return level >= -maxVerbosity && c.LevelEnabler.Enabled(level)
}

// useLogger makes all libraries use the logger: controller-runtime, client-go via klog, users of the standard log package, and glog, which the
// OCM SDK links in and which would otherwise write files to the temporary directory.
func useLogger(log logr.Logger) {
	ctrl.SetLogger(log)
	klog.SetLoggerWithOptions(log, klog.ContextualLogger(true))
	// net/http and others use the standard log package, whenever outsiders trigger it.
	stdlog.SetFlags(0)
	stdlog.SetOutput(libraryLog{newBoundedLog(log.V(1).WithName("library"))})
	if f := flag.CommandLine.Lookup("logtostderr"); f != nil {
		// The flag is a bool, so "true" cannot fail.
		_ = f.Value.Set("true")
	}
}
