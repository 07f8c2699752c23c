// Package gather is the command that collects data for support: the operator's objects, conditions, events, logs and metrics, the facts that its
// decisions use, and who wrote which fields of its Secrets. It never asks for the content of a Secret, and redacts whatever looks like a
// credential elsewhere.
package gather

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/openshift/credential-rotation-operator/internal/version"
)

// product is the label of all objects of the operator's installation.
const product = "credential-rotation-operator"

// mustGather is where `oc adm must-gather` expects the files.
const mustGather = "/must-gather"

// gatherer is one run of the command.
type gatherer struct {
	objects dynamic.Interface
	secrets metadata.Interface
	pods    kubernetes.Interface
	// log opens the log of a container.
	log func(ctx context.Context, namespace, pod string, o *corev1.PodLogOptions) (io.ReadCloser, error)
	// metrics reads the metrics of a pod; nil if they cannot be read.
	metrics func(ctx context.Context, pod *corev1.Pod) ([]byte, error)
	folder  string
	// missing lists what could not be collected, and why.
	missing []string
	files   int
}

// NewCommand is the subcommand gather; config finds the cluster.
func NewCommand(config func(kubeconfig, context string) (*rest.Config, error)) *cobra.Command {
	var folder, kubeconfig, context string
	cmd := &cobra.Command{
		Use:   "gather",
		Short: "Collect the data for a support case, without any secret",
		Long: "Collect both kinds, events, logs, metrics, the facts of the cluster that decisions use, and the metadata of the operator's Secrets, " +
			"into a folder.\nIt reads no content of a Secret, and redacts whatever looks like a credential elsewhere. " +
			"What cannot be read is listed in not-gathered.txt.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := config(kubeconfig, context)
			if err != nil {
				return err
			}
			g, err := newGatherer(c, folder)
			if err != nil {
				return err
			}
			if err := g.run(cmd.Context()); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d files are in %s; %d things could not be read\n", g.files, folder, len(g.missing))
			return err
		},
	}
	cmd.Flags().StringVar(&folder, "dest-dir", defaultFolder(mustGather), "folder to write to")
	cmd.Flags().StringVar(&kubeconfig, "kubeconfig", "", "path of the kubeconfig (default: $KUBECONFIG, else ~/.kube/config, else the pod's service account)")
	cmd.Flags().StringVar(&context, "context", "", "context of the kubeconfig (default: its current one)")
	return cmd
}

// defaultFolder is must-gather's folder if it exists.
func defaultFolder(ofMustGather string) string {
	if info, err := os.Stat(ofMustGather); err == nil && info.IsDir() {
		return ofMustGather
	}
	return "must-gather"
}

func newGatherer(config *rest.Config, folder string) (*gatherer, error) {
	g := &gatherer{folder: folder}
	var err error
	if g.objects, err = dynamic.NewForConfig(config); err != nil {
		return nil, err
	}
	if g.secrets, err = metadata.NewForConfig(config); err != nil {
		return nil, err
	}
	if g.pods, err = kubernetes.NewForConfig(config); err != nil {
		return nil, err
	}
	g.log = func(ctx context.Context, namespace, pod string, o *corev1.PodLogOptions) (io.ReadCloser, error) {
		return g.pods.CoreV1().Pods(namespace).GetLogs(pod, o).Stream(ctx)
	}
	g.metrics = metricsReader(serviceCA, config.BearerTokenFile)
	return g, nil
}

// run collects everything; it fails only if nothing can be collected.
func (g *gatherer) run(ctx context.Context) error {
	if err := g.write("version", []byte(product+"\n"+version.String()+"\n")); err != nil {
		return err
	}
	var found []map[string]any
	for _, k := range ofTheCluster {
		objects, err := g.list(ctx, k, metav1.NamespaceAll)
		if err != nil {
			return err
		}
		if k.group == ownGroup {
			found = append(found, objects...)
		}
	}
	if err := g.secretsOf(ctx, found); err != nil {
		return err
	}
	namespaces, err := g.namespaces(ctx)
	if err != nil {
		return err
	}
	for _, namespace := range namespaces {
		if err := g.namespace(ctx, namespace); err != nil {
			return err
		}
	}
	if err := g.events(ctx, namespaces); err != nil {
		return err
	}
	slices.Sort(g.missing)
	return g.write("not-gathered.txt", []byte(strings.Join(g.missing, "\n")+"\n"))
}

// miss records what could not be collected.
func (g *gatherer) miss(what string, err error) {
	g.missing = append(g.missing, redact(fmt.Sprintf("%s: %v", what, err)))
}

// write redacts and writes a file.
func (g *gatherer) write(name string, content []byte) error {
	path := filepath.Join(g.folder, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // must-gather copies as another user
		return err
	}
	g.files++
	return os.WriteFile(path, []byte(redact(string(content))), 0o644)
}
