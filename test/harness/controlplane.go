package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/go-logr/logr"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/cli/manager"
)

// assetsVariable is the environment variable with the directory of etcd and kube-apiserver.
const assetsVariable = "KUBEBUILDER_ASSETS"

// ControlPlane is a running etcd and kube-apiserver, usually with the CRDs that an OpenShift cluster has.
type ControlPlane struct {
	// Admin has all rights. It is for users and other operators in a test, never for our operator.
	Admin *rest.Config
	// AdminKubeconfig is a kubeconfig for Admin.
	AdminKubeconfig []byte
	// Client uses Admin, without a cache.
	Client client.Client
	// Scheme is the operator's.
	Scheme *runtime.Scheme
	// Kubectl is the path of the kubectl beside the server; empty if there is none.
	Kubectl string

	env  *envtest.Environment
	line *lifeline
}

// StartControlPlane starts a new control plane. Authorisation is by RBAC, as in a cluster.
func StartControlPlane(ctx context.Context) (*ControlPlane, error) {
	crds, err := loadCRDs(ctx)
	if err != nil {
		return nil, err
	}
	return start(crds)
}

// StartEmptyControlPlane starts one without any CRD, as in the first minutes of an installation.
func StartEmptyControlPlane() (*ControlPlane, error) { return start(nil) }

// InstallOpenShiftKinds installs the CRDs of the cluster-version operator, without ours.
func (cp *ControlPlane) InstallOpenShiftKinds(ctx context.Context) error {
	crds, err := loadCRDs(ctx)
	if err != nil {
		return err
	}
	crds = slices.DeleteFunc(crds, func(crd *apiextensionsv1.CustomResourceDefinition) bool {
		return crd.Spec.Group == v1alpha1.GroupVersion.Group
	})
	_, err = envtest.InstallCRDs(cp.Admin, envtest.CRDInstallOptions{Scheme: cp.Scheme, CRDs: crds})
	return err
}

func start(crds []*apiextensionsv1.CustomResourceDefinition) (*ControlPlane, error) {
	assets := os.Getenv(assetsVariable)
	if assets == "" {
		return nil, errors.New("etcd and kube-apiserver are needed, and " + assetsVariable + " does not name their directory: run `make test`, which provides them")
	}
	for _, binary := range []string{"etcd", "kube-apiserver"} {
		if _, err := os.Stat(filepath.Join(assets, binary)); err != nil {
			return nil, fmt.Errorf("%s=%s has no %s: run `make test`, which provides it: %w", assetsVariable, assets, binary, err)
		}
	}
	// Without any logger controller-runtime prints a stack trace. Its errors are returned anyway.
	ctrl.SetLogger(logr.Discard())
	scheme, err := manager.NewScheme()
	if err != nil {
		return nil, err
	}
	env := &envtest.Environment{
		Scheme: scheme,
		CRDs:   crds,
		// Two packages' control planes may start at the same time on two cores.
		ControlPlaneStartTimeout: 2 * time.Minute,
		ControlPlaneStopTimeout:  time.Minute,
	}
	line, err := newLifeline()
	if err != nil {
		return nil, err
	}
	cp := &ControlPlane{Scheme: scheme, env: env, line: line}
	if err := cp.configure(assets); err != nil {
		return nil, errors.Join(err, line.cut())
	}
	if cp.Admin, err = env.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting etcd and kube-apiserver from %s: %w", assets, err), cp.Stop())
	}
	cp.AdminKubeconfig = env.KubeConfig
	// Warnings (a deprecated field, a name that is not a DNS label) would be the client's only output.
	cp.Admin.WarningHandler = rest.NoWarnings{}
	if cp.Client, err = client.New(cp.Admin, client.Options{Scheme: scheme}); err != nil {
		return nil, errors.Join(err, cp.Stop())
	}
	if kubectl := filepath.Join(assets, "kubectl"); isFile(kubectl) {
		cp.Kubectl = kubectl
	}
	return cp, nil
}

// configure sets the paths of both programs and of their files.
func (cp *ControlPlane) configure(assets string) error {
	etcd, server := &envtest.Etcd{}, &envtest.APIServer{}
	var errs [4]error
	etcd.Path, errs[0] = cp.line.tie(filepath.Join(assets, "etcd"))
	etcd.DataDir, errs[1] = cp.line.place("etcd-data")
	server.Path, errs[2] = cp.line.tie(filepath.Join(assets, "kube-apiserver"))
	server.CertDir, errs[3] = cp.line.place("certificates")
	// Otherwise etcd's fsyncs would be the slowest part of every test.
	etcd.Configure().Set("unsafe-no-fsync", "true")
	cp.env.ControlPlane.Etcd, cp.env.ControlPlane.APIServer = etcd, server
	return errors.Join(errs[:]...)
}

// Stop ends both processes and removes their files. They also end with this process, even if it is killed.
func (cp *ControlPlane) Stop() error { return errors.Join(cp.env.Stop(), cp.line.cut()) }

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
