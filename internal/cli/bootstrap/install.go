package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/utils/clock"

	"github.com/openshift/credential-rotation-operator/config"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/cluster"
)

// NewInstallManifestsCommand writes manifests for openshift-install, with which a cluster starts with the operator.
func NewInstallManifestsCommand() *cobra.Command {
	return newInstallManifestsCommand(clock.RealClock{}, config.Install(), config.Monitoring())
}

// install is one run of the command.
type install struct {
	portal      portal
	requestsDir string
	rolesFile   string
	roles       map[string]string
	defaultRole string
	name        string
	image       string
	output      string
	monitoring  string
	fetch       bool
	techPreview bool
	force       bool

	clock    clock.PassiveClock
	operator []byte // the operator's own manifests
	alerts   []byte // the manifests of its monitoring
}

func newInstallManifestsCommand(c clock.PassiveClock, operator, alerts []byte) *cobra.Command {
	i := &install{clock: c, operator: operator, alerts: alerts}
	cmd := &cobra.Command{
		Use:   "install-manifests",
		Short: "Write manifests for openshift-install that keep a cluster's AWS credentials fresh from the start",
		Long: `Write the files for $INSTALL_DIR/manifests that install this operator with the cluster: its namespace, kinds, rights and
Deployment, the CAPCredentialSet, the Secret with the client certificate, and one Secret for each AWS CredentialsRequest of
the release, with initial credentials when --fetch is given.

Run it after "openshift-install create manifests", with credentialsMode: Manual in install-config.yaml. The operator follows
the cluster's proxy settings. Without --fetch, "seed" fills in the initial credentials, or the operator does once it runs.

The manifests cannot include metrics and alerts: their kinds appear late in an installation, which would fail.
--monitoring writes them to a file, for "oc apply -f" once the cluster is up.

If anything is wrong, nothing is written. No secret is printed. Files with secrets have mode 0600.`,
		Example: `  oc adm release extract --credentials-requests --cloud=aws --included --install-config=install-config.yaml --to=requests $RELEASE_IMAGE
  printf '%s\n' 'openshift-machine-api-aws: MachineAPIRole' 'aws-ebs-csi-driver-operator: StorageRole' > roles.yaml
  credential-rotation-operator install-manifests --credentials-requests requests --roles roles.yaml --default-role OperatorsRole \
    --url https://cap.example.ic.gov/api/v1/credentials --agency A --mission M \
    --cert cap.pem --key cap.key --ca ca-chain.cert.pem --image registry.example/credential-rotation-operator:v0.1.0 \
    --output $INSTALL_DIR/manifests --monitoring monitoring.yaml --fetch`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return i.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	i.portal.addFlags(cmd)
	flags.StringVar(&i.requestsDir, "credentials-requests", "", "directory with the output of oc adm release extract --credentials-requests --cloud=aws")
	flags.StringVar(&i.rolesFile, "roles", "", "file that maps CredentialsRequest names to roles, YAML or JSON")
	flags.StringVar(&i.defaultRole, "default-role", "", "role of CredentialsRequests that are not in the map")
	flags.StringVar(&i.name, "name", "cap", "name of the CAPCredentialSet")
	flags.StringVar(&i.image, "image", "", "image of the operator, such as that of a mirror registry (default: the published one)")
	flags.StringVar(&i.output, "output", "", "directory to write to, usually $INSTALL_DIR/manifests; it must exist")
	flags.StringVar(&i.monitoring, "monitoring", "", "file for the metrics and alerts, to apply once the cluster is up; it must not be in the manifests directory, which the installer consumes")
	flags.BoolVar(&i.fetch, "fetch", false, "fetch the initial credentials from CAP now")
	flags.BoolVar(&i.techPreview, "tech-preview", false, "include CredentialsRequests of feature sets and gates that are off by default")
	flags.BoolVar(&i.force, "force", false, "overwrite files of an earlier run")
	for _, name := range []string{"credentials-requests", "output", "url", "agency", "mission", "cert", "key"} {
		_ = cmd.MarkFlagRequired(name) // fails only for unknown names, which a test would show
	}
	return cmd
}

func (i *install) run(ctx context.Context, out, errOut io.Writer) error {
	if info, err := os.Stat(i.output); err != nil || !info.IsDir() {
		return fmt.Errorf("--output %s is not a directory: run openshift-install create manifests first", i.output)
	}
	requests, skipped, err := readRequests(i.requestsDir, i.techPreview)
	if err != nil {
		return err
	}
	assigned, unknown, err := i.assign(requests)
	if err != nil {
		return err
	}
	client, certificate, certificateWarning, err := i.portal.load(i.clock)
	if err != nil {
		return err
	}
	defer client.Close()
	modeWarning, err := credentialsModeWarning(i.output)
	if err != nil {
		return err
	}
	objects, granted, err := operatorObjects(i.operator, i.image)
	if err != nil {
		return err
	}
	var credentials map[string]awscreds.Credential
	if i.fetch {
		if credentials, err = fetchAll(ctx, client, slices.Collect(maps.Values(assigned))); err != nil {
			return err
		}
	}
	particular, err := i.clusterObjects(requests, assigned, granted, certificate, credentials)
	if err != nil {
		return err
	}
	objects = append(objects, particular...)
	slices.SortStableFunc(objects, func(a, b object) int { return strings.Compare(a.filename(), b.filename()) })
	changes, err := i.changes(objects)
	if err != nil {
		return err
	}
	if err := apply(changes); err != nil {
		return err
	}
	i.report(out, errOut, objects, credentials)
	for _, message := range append(skipped, certificateWarning, modeWarning, clockWarning(client)) {
		warn(errOut, message)
	}
	if len(unknown) > 0 {
		warn(errOut, "--roles names "+strings.Join(unknown, ", ")+", which no CredentialsRequest of this release has; these roles are kept for later")
	}
	fmt.Fprint(out, i.next())
	return nil
}

// assign gives each request its role, and checks the set that comes of it.
func (i *install) assign(requests []cluster.CredentialsRequest) (assigned map[string]string, unknown []string, err error) {
	if i.rolesFile != "" {
		if i.roles, err = readRoles(i.rolesFile); err != nil {
			return nil, nil, err
		}
	}
	if err := i.checkLimits(); err != nil {
		return nil, nil, err
	}
	if assigned, unknown, err = assignRoles(requests, i.roles, i.defaultRole); err != nil {
		return nil, nil, err
	}
	return assigned, unknown, i.checkSet(i.setObject())
}

// changes are the files to write. An existing file that differs is only overwritten with --force: it may have been edited, or hold a credential.
func (i *install) changes(objects []object) ([]change, error) {
	var changes []change
	var there []string
	names := map[string]bool{}
	for _, o := range objects {
		c := change{path: filepath.Join(i.output, o.filename()), content: []byte(o.content), mode: plainMode}
		if o.secret {
			c.mode = secretMode
		}
		if names[c.path] {
			return nil, fmt.Errorf("two objects have the file name %s", o.filename())
		}
		names[c.path] = true
		existing, err := os.ReadFile(c.path)
		if err == nil && string(existing) != o.content {
			there = append(there, o.filename())
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		changes = append(changes, c)
	}
	if len(there) > 0 && !i.force {
		return nil, fmt.Errorf("%s already holds different versions of %s: --force overwrites them. To write only new credentials: %s",
			i.output, strings.Join(there, ", "), i.seedCommand())
	}
	if i.monitoring != "" {
		changes = append(changes, change{path: i.monitoring, content: i.alerts, mode: plainMode})
	}
	return changes, nil
}
