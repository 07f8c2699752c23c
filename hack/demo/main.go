// The demo: the operator at work on a real API server, narrated as it happens. `make demo` runs it.
//
// It starts by saying what is real and what is simulated (opening.go). It fails if the story does not happen as told, and always
// cleans up.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

// Exit codes.
const (
	exitFailed = 1
	// exitInterrupted is the exit code of a program that was ended by Ctrl-C.
	exitInterrupted = 130
)

// logLines of the operator's log are shown when the story fails.
const logLines = 25

func main() {
	var canaries string
	flag.StringVar(&canaries, "canaries", "", "write every secret value of the simulators to this `file`, for a test that looks for them in the output")
	flag.Parse()
	os.Exit(run(canaries))
}

func run(canaries string) (code int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	// Otherwise a closed pipe (head, less) would end the demo without cleaning up.
	signal.Ignore(syscall.SIGPIPE)
	// The libraries' logs are not part of the story.
	ctrl.SetLogger(logr.Discard())
	klog.SetLogger(logr.Discard())
	rest.SetDefaultWarningHandler(rest.NoWarnings{})

	tell := newTeller(os.Stdout, stop)
	defer context.AfterFunc(ctx, func() { tell.say("Ending: the processes are stopped and the temporary files removed.") })()
	began := time.Now()
	w, err := newWorld(tell)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitFailed
	}
	defer func() {
		if err := w.close(); err != nil {
			fmt.Fprintln(os.Stderr, "Cleaning up failed:", err)
			code = max(code, exitFailed)
		}
	}()

	err = w.story(ctx, began)
	if canaries != "" {
		err = errors.Join(err, w.writeCanaries(canaries))
	}
	switch {
	case ctx.Err() != nil:
		return exitInterrupted
	case err != nil:
		tell.failure(err, w.logTail(logLines))
		return exitFailed
	}
	if os.Getenv("KEEP") == "" {
		return 0
	}
	w.stay(ctx)
	return 0
}

// story is the whole story.
func (w *world) story(ctx context.Context, began time.Time) error {
	w.opening()
	for _, part := range []func(context.Context) error{w.build, w.rotatePullSecret, w.keepAWSFresh, w.lookForSecrets, w.whatThereIs} {
		if err := part(ctx); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	w.tell.gap()
	w.tell.say("The demo took %s.", time.Since(began).Round(time.Second))
	return nil
}
