package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"k8s.io/utils/clock"

	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/payload"
)

// NewSeedCommand fills initial credentials into manifests and into a profile of ~/.aws/credentials.
func NewSeedCommand() *cobra.Command { return newSeedCommand(clock.RealClock{}) }

// seed is one run of the command.
type seed struct {
	portal          portal
	role            string
	directories     []string
	profile         string
	credentialsFile string
	clock           clock.PassiveClock
}

func newSeedCommand(c clock.PassiveClock) *cobra.Command {
	s := &seed{clock: c}
	cmd := &cobra.Command{
		Use:   "seed",
		Short: "Fill initial AWS credentials from a C2S Access Portal into manifests and a profile",
		Long: `Fill initial AWS credentials from a C2S Access Portal into the Secrets of a directory of manifests, and into a profile of
~/.aws/credentials.

The credential is CAP's answer on standard input, for all Secrets alike. With --url the command asks
CAP directly, once for each role: that of --role, else the one that a Secret's manifest names (annotation
` + roleAnnotation + `, or the key "` + roleKey + `" of cap-token-refresh).

If any answer is wrong, nothing is changed. No secret is printed.`,
		Example: `  # Replaces "curl $CAP_URL | hack/get_cap_token.sh": one credential for all Secrets in ./manifests
  curl --cert cap.pem --key cap.key --cacert ca-chain.cert.pem "$CAP_URL" | credential-rotation-operator seed

  # The same, and also for the profile that openshift-install uses
  curl ... "$CAP_URL" | credential-rotation-operator seed --profile govcloud

  # Ask CAP for the role of each Secret
  credential-rotation-operator seed --manifests $INSTALL_DIR/manifests --url https://cap.example.ic.gov/api/v1/credentials \
    --agency A --mission M --cert cap.pem --key cap.key --ca ca-chain.cert.pem`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			// An explicit directory must exist; the default one need not if there is a profile to fill.
			return s.run(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr(), cmd.Flags().Changed("manifests"))
		},
	}
	s.portal.addFlags(cmd)
	cmd.Flags().StringVar(&s.role, "role", "", "with --url: one role for everything, instead of each Secret's own")
	cmd.Flags().StringSliceVar(&s.directories, "manifests", []string{"manifests"}, "directory with the manifests to fill (repeatable)")
	cmd.Flags().StringVar(&s.profile, "profile", "", "profile of the AWS credentials file to fill")
	cmd.Flags().StringVar(&s.credentialsFile, "aws-credentials-file", "", "the AWS credentials file (default $AWS_SHARED_CREDENTIALS_FILE, else ~/.aws/credentials)")
	return cmd
}

func (s *seed) run(ctx context.Context, in io.Reader, out, errOut io.Writer, directoriesGiven bool) error {
	manifests, err := s.manifests(directoriesGiven)
	if err != nil {
		return err
	}
	if len(manifests) == 0 && s.profile == "" {
		return errors.New("there is nothing to fill: no manifest holds a Secret for AWS credentials, and no --profile is given")
	}
	credential, err := s.credentials(ctx, in, errOut, manifests)
	if err != nil {
		return err
	}

	var changes []change
	for _, m := range manifests {
		filled, err := m.fill(func(secret *secretManifest) awscreds.Credential { return credential(secret.Role) })
		if err != nil {
			return err
		}
		changes = append(changes, filled)
	}
	file := ""
	if s.profile != "" {
		if file, err = s.awsCredentialsFile(); err != nil {
			return err
		}
		filled, err := s.fillProfile(file, credential(s.role))
		if err != nil {
			return err
		}
		changes = append(changes, filled)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return err
		}
	}
	if err := apply(changes); err != nil {
		return err
	}

	now := s.clock.Now()
	for _, m := range manifests {
		for _, secret := range m.secrets {
			fmt.Fprintf(out, "%s: %s has a credential; %s\n", m.path, secret, expiryInWords(credential(secret.Role), now))
		}
	}
	if s.profile != "" {
		fmt.Fprintf(out, "%s: profile %s has a credential; %s\n", file, s.profile, expiryInWords(credential(s.role), now))
	}
	return nil
}

// manifests finds the manifests to fill.
func (s *seed) manifests(directoriesGiven bool) ([]manifest, error) {
	var all []manifest
	for _, dir := range s.directories {
		found, err := findSecrets(dir)
		if errors.Is(err, fs.ErrNotExist) && !directoriesGiven {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// credentials gets the credentials and returns a function from a role to its credential.
func (s *seed) credentials(ctx context.Context, in io.Reader, errOut io.Writer, manifests []manifest) (func(role string) awscreds.Credential, error) {
	if s.portal.URL == "" {
		if file, ok := in.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
			return nil, errors.New("pipe CAP's answer into this command, or fetch from CAP directly with --url")
		}
		if s.role != "" {
			return nil, errors.New("--role needs --url: the answer on standard input already belongs to one role")
		}
		c, err := readAnswer(in, s.clock.Now())
		if err != nil {
			return nil, err
		}
		warn(errOut, remarks(c))
		return func(string) awscreds.Credential { return c }, nil
	}

	roles, err := s.roles(manifests)
	if err != nil {
		return nil, err
	}
	client, _, warning, err := s.portal.load(s.clock)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	warn(errOut, warning)
	fetched, err := fetchAll(ctx, client, roles)
	if err != nil {
		return nil, err
	}
	warn(errOut, clockWarning(client))
	for _, role := range roles {
		if remark := remarks(fetched[role]); remark != "" {
			warn(errOut, "role "+role+": "+remark)
		}
	}
	return func(role string) awscreds.Credential {
		if s.role != "" {
			role = s.role
		}
		return fetched[role]
	}, nil
}

// roles are those to fetch from CAP.
func (s *seed) roles(manifests []manifest) ([]string, error) {
	if s.role != "" {
		return []string{s.role}, nil
	}
	if s.profile != "" {
		return nil, errors.New("--profile with --url needs --role, which says which role the profile gets")
	}
	var roles []string
	for _, m := range manifests {
		for _, secret := range m.secrets {
			if secret.Role == "" {
				return nil, fmt.Errorf("%s: Secret %s names no role: set --role, or the annotation %s", m.path, secret, roleAnnotation)
			}
			roles = append(roles, secret.Role)
		}
	}
	return roles, nil
}

// fillProfile returns the credentials file with the filled profile.
func (s *seed) fillProfile(file string, c awscreds.Credential) (change, error) {
	content, err := payload.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return change{}, err
	}
	filled, err := setProfile(content, s.profile, c)
	if err != nil {
		return change{}, fmt.Errorf("%s: %w", file, err)
	}
	return change{path: file, content: filled, mode: secretMode}, nil
}

// awsCredentialsFile is where the AWS SDKs look for the profile.
func (s *seed) awsCredentialsFile() (string, error) {
	if s.credentialsFile != "" {
		return s.credentialsFile, nil
	}
	if file := os.Getenv("AWS_SHARED_CREDENTIALS_FILE"); file != "" {
		return file, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", errors.New("there is no home directory with .aws/credentials: set --aws-credentials-file")
	}
	return filepath.Join(home, ".aws", "credentials"), nil
}

// warn prints the warnings that are not empty.
func warn(errOut io.Writer, message string) {
	if message != "" {
		fmt.Fprintln(errOut, "Warning:", message)
	}
}
