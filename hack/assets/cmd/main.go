// Command cmd prints the directory with etcd, kube-apiserver and kubectl on standard output, so that
//
//	KUBEBUILDER_ASSETS=$(hack/controlplane/assets.sh) go test ./...
//
// works everywhere. Progress goes to standard error.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/openshift/credential-rotation-operator/hack/assets"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	dir, err := find(ctx)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "control plane: %v\n", err)
		os.Exit(1)
	}
	fmt.Println(dir)
}

func find(ctx context.Context) (string, error) {
	finder, err := assets.New(os.Stderr)
	if err != nil {
		return "", err
	}
	return finder.Find(ctx)
}
