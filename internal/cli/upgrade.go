package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	incluster "github.com/openshift/credential-rotation-operator/internal/cluster"
	"github.com/openshift/credential-rotation-operator/internal/command"
	"github.com/openshift/credential-rotation-operator/internal/managedfields"
	"github.com/openshift/credential-rotation-operator/internal/payload"
)

// upgradeableAnnotation tells the cloud-credential-operator that its Secrets are ready for a version, so that it lets the cluster upgrade.
// Source: openshift/cloud-credential-operator, pkg/operator/constants.
const upgradeableAnnotation = "cloudcredential.openshift.io/upgradeable-to"

// releaseVersion is the annotation's form of a version.
var releaseVersion = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$`)

// upgradeFlags are the flags of upgrade-check.
type upgradeFlags struct {
	output, acknowledge string
	techPreview         bool
}

// upgradeOutputs are the formats besides the one for people.
var upgradeOutputs = []string{"json"}

func newUpgradeCheckCommand(env environment) *cobra.Command {
	var flags upgradeFlags
	cmd := &cobra.Command{
		Use:   "upgrade-check DIRECTORY|-",
		Short: "Check that each CredentialsRequest of the next release will have credentials",
		Long: "Compare the CredentialsRequests of the next release, as `oc adm release extract --credentials-requests --cloud=aws` writes them into a\n" +
			"directory or to standard output (-), with those of the cluster, and show for each which CAPCredentialSet gives it which role.\n" +
			"With --acknowledge VERSION, and if nothing is missing, the cluster is told that it may upgrade to that version, by the annotation\n" +
			upgradeableAnnotation + " on CloudCredential cluster.\n" +
			"The exit code is 0 if nothing is missing, 3 if a component would have no credentials, and 1 if the command failed.",
		Args: oneRelease,
		RunE: func(cmd *cobra.Command, args []string) error {
			return upgradeCheck(cmd, env, args[0], flags)
		},
	}
	outputFlag(cmd, &flags.output, upgradeOutputs)
	cmd.Flags().StringVar(&flags.acknowledge, "acknowledge", "", "tell the cluster that it may upgrade to this version, such as 4.21.3, if nothing is missing")
	cmd.Flags().BoolVar(&flags.techPreview, "tech-preview", false, "include what belongs to feature sets other than Default")
	return cmd
}

func upgradeCheck(cmd *cobra.Command, env environment, from string, flags upgradeFlags) error {
	if err := knownOutput(flags.output, upgradeOutputs); err != nil {
		return err
	}
	if flags.acknowledge != "" && !releaseVersion.MatchString(flags.acknowledge) {
		return errors.New("--acknowledge needs a version such as 4.21.3")
	}
	release, err := readRelease(from, cmd.InOrStdin(), flags.techPreview)
	if err != nil {
		return err
	}
	c, err := env.connect()
	if err != nil {
		return err
	}
	view, err := compare(cmd.Context(), c, release)
	if err != nil {
		return err
	}
	missing := view.missing()
	if flags.acknowledge != "" && missing == 0 {
		if err := acknowledge(cmd.Context(), c, flags.acknowledge); err != nil {
			return err
		}
		view.Acknowledged = flags.acknowledge
	}
	if err := printUpgrade(cmd.OutOrStdout(), view, flags.output); err != nil {
		return err
	}
	if missing > 0 {
		return &UncoveredError{missing, flags.acknowledge != ""}
	}
	return nil
}

// UncoveredError means that the command worked, and that the upgrade would leave components without credentials.
type UncoveredError struct {
	requests int
	// asked is true if the upgrade was to be acknowledged.
	asked bool
}

func (e *UncoveredError) Error() string {
	words := fmt.Sprintf("after the upgrade, components would have no credentials (%d, see above)", e.requests)
	if e.asked {
		words += "; the upgrade was not acknowledged"
	}
	return words
}

// ExitCode differs from that of a failed command, which is 1.
func (e *UncoveredError) ExitCode() int { return 3 }

// oneRelease requires exactly one place to read from.
func oneRelease(cmd *cobra.Command, args []string) error {
	if len(args) == 1 {
		return nil
	}
	return fmt.Errorf("%s needs one directory with the CredentialsRequests of the next release, or - for standard input, and got %d", cmd.Name(), len(args))
}

// readRelease reads a directory, or standard input as "-".
func readRelease(from string, in io.Reader, techPreview bool) (payload.Release, error) {
	const limit = 16 << 20
	release := payload.Release{}
	files := map[string][]byte{}
	names := []string{"standard input"}
	if from == "-" {
		content, err := io.ReadAll(io.LimitReader(in, limit+1))
		if err != nil {
			return release, fmt.Errorf("reading standard input: %w", err)
		}
		if len(content) > limit {
			return release, fmt.Errorf("standard input is larger than %d MiB", limit>>20)
		}
		files[names[0]] = content
	} else {
		var err error
		if names, err = payload.Files(from); err != nil {
			return release, err
		}
		for _, name := range names {
			if files[name], err = payload.ReadFile(name); err != nil {
				return release, err
			}
		}
	}
	for _, name := range names {
		if err := release.Add(files[name], techPreview); err != nil {
			return release, fmt.Errorf("%s: %w", name, err)
		}
	}
	if len(release.Requests)+len(release.LeftOut) > 0 {
		return release, nil
	}
	extract := command.Line{"oc", "adm", "release", "extract", "--credentials-requests", "--cloud=aws"}
	if from == "-" {
		return release, fmt.Errorf("standard input holds no AWS CredentialsRequest: it needs the output of %s", append(extract, "RELEASE_IMAGE"))
	}
	return release, fmt.Errorf("%s holds no AWS CredentialsRequest: fill it with %s", from, append(extract, "--to="+from, "RELEASE_IMAGE"))
}

// compare compares the release with the cluster.
func compare(ctx context.Context, c client.Client, release payload.Release) (UpgradeView, error) {
	sets := &v1alpha1.CAPCredentialSetList{}
	if err := c.List(ctx, sets); err != nil {
		return UpgradeView{}, listError("CAPCredentialSets", err)
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(schema.GroupVersionKind{Group: "cloudcredential.openshift.io", Version: "v1", Kind: "CredentialsRequestList"})
	if err := c.List(ctx, list); meta.IsNoMatchError(err) {
		return UpgradeView{}, errors.New("this cluster has no CredentialsRequests: it is not an OpenShift cluster with a cloud-credential-operator")
	} else if err != nil {
		return UpgradeView{}, fmt.Errorf("listing the CredentialsRequests: %w", err)
	}
	var now []plan.Request
	for i := range list.Items {
		if r, ok := incluster.ParseCredentialsRequest(&list.Items[i]); ok && !r.TimedToken {
			now = append(now, planned(r))
		}
	}
	next := plan.Release{}
	for _, r := range release.Requests {
		next.Requests = append(next.Requests, planned(r))
	}
	for _, l := range release.LeftOut {
		name := l.Namespace + "/" + l.Name
		if l.Deleted {
			next.Deleted = append(next.Deleted, name)
		} else {
			next.LeftAlone = append(next.LeftAlone, name)
		}
	}
	return upgradeView(plan.Upgrade(sets.Items, now, next), release.LeftOut), nil
}

func planned(r incluster.CredentialsRequest) plan.Request {
	return plan.Request{Namespace: r.Namespace, Name: r.Name, Labels: r.Labels, Secret: r.Secret, TimedToken: r.TimedToken}
}

// acknowledge sets only the annotation, on the object as it was read.
func acknowledge(ctx context.Context, c client.Client, version string) error {
	credential := &unstructured.Unstructured{}
	credential.SetGroupVersionKind(schema.GroupVersionKind{Group: "operator.openshift.io", Version: "v1", Kind: "CloudCredential"})
	if err := c.Get(ctx, client.ObjectKey{Name: "cluster"}, credential); err != nil {
		return fmt.Errorf("reading CloudCredential cluster: %w", err)
	}
	if mode, _, _ := unstructured.NestedString(credential.Object, "spec", "credentialsMode"); mode != "Manual" {
		return fmt.Errorf("the cloud-credential-operator is in mode %q, not Manual: it creates the Secrets itself, so there is nothing to acknowledge", mode)
	}
	annotations := credential.GetAnnotations()
	if annotations[upgradeableAnnotation] == version {
		return nil
	}
	before := credential.DeepCopy()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[upgradeableAnnotation] = version
	credential.SetAnnotations(annotations)
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := c.Patch(ctx, credential, patch, client.FieldOwner(managedfields.Approval)); err != nil {
		return fmt.Errorf("annotating CloudCredential cluster: %w", err)
	}
	return nil
}

func printUpgrade(out io.Writer, view UpgradeView, output string) error {
	if output == "json" {
		return printJSON(out, view)
	}
	_, err := fmt.Fprint(out, upgradeText(view))
	return err
}
