package main

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	cosignatureType = 4 // of keys, c2sp.org/signed-note
	witnessName     = "witness.example/go-check"
	mostProofLines  = 63
)

func keyID(name string, key []byte) uint32 {
	hash := sha256.Sum256([]byte(name + "\n" + string([]byte{cosignatureType}) + string(key)))
	return binary.BigEndian.Uint32(hash[:])
}

func cosignedMessage(seconds uint64, text string) []byte {
	return []byte(fmt.Sprintf("cosignature/v1\ntime %d\n%s", seconds, text))
}

// Verifies cosignature/v1 (c2sp.org/tlog-cosignature), which Go's note package does not know.
type cosignatureVerifier struct {
	name string
	id   uint32
	key  ed25519.PublicKey
}

func newCosignatureVerifier(text string) (note.Verifier, error) {
	parts := strings.SplitN(text, "+", 3)
	if len(parts) != 3 {
		return nil, fmt.Errorf("no verifier key: %q", text)
	}
	id, err := strconv.ParseUint(parts[1], 16, 32)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != cosignatureType ||
		uint32(id) != keyID(parts[0], key[1:]) {
		return nil, fmt.Errorf("no key of a witness: %q", text)
	}
	return &cosignatureVerifier{parts[0], uint32(id), key[1:]}, nil
}

func (v *cosignatureVerifier) Name() string    { return v.name }
func (v *cosignatureVerifier) KeyHash() uint32 { return v.id }
func (v *cosignatureVerifier) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	seconds := binary.BigEndian.Uint64(signature)
	return ed25519.Verify(v.key, cosignedMessage(seconds, string(text)), signature[8:])
}

// A witness of one log.
type server struct {
	log     note.Verifier
	id      uint32
	private ed25519.PrivateKey

	mutex  sync.Mutex
	latest checkpoint // that it cosigned
}

// An answer that is not 200.
type refusal struct {
	status      int
	contentType string
	body        string
}

func (r *refusal) Error() string { return r.body }

func refuse(status int, body string) error { return &refusal{status, "text/plain", body + "\n"} }

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/add-checkpoint" {
		http.Error(w, "only POST of add-checkpoint", http.StatusMethodNotAllowed)
		return
	}
	line, size, err := s.add(body)
	var refused *refusal
	if errors.As(err, &refused) {
		fmt.Printf("refused %d %s", refused.status, refused.body)
		w.Header().Set("Content-Type", refused.contentType)
		w.WriteHeader(refused.status)
		io.WriteString(w, refused.body)
		return
	}
	fmt.Printf("cosigned %d\n", size)
	io.WriteString(w, line)
}

// The old size, the proof, and the note of a request.
func parseRequest(body []byte) (int64, []tlog.Hash, string, error) {
	reader := bufio.NewReader(bytes.NewReader(body))
	next := func() (string, error) {
		line, err := reader.ReadString('\n')
		return strings.TrimSuffix(line, "\n"), err
	}
	line, err := next()
	if err != nil || !strings.HasPrefix(line, "old ") {
		return 0, nil, "", refuse(http.StatusBadRequest, "no old size")
	}
	old, err := strconv.ParseInt(line[4:], 10, 64)
	if err != nil || old < 0 || strconv.FormatInt(old, 10) != line[4:] {
		return 0, nil, "", refuse(http.StatusBadRequest, "bad old size")
	}
	var proof []tlog.Hash
	for {
		line, err = next()
		if err != nil || len(proof) > mostProofLines {
			return 0, nil, "", refuse(http.StatusBadRequest, "bad proof")
		}
		if line == "" {
			break
		}
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return 0, nil, "", refuse(http.StatusBadRequest, "bad proof line")
		}
		proof = append(proof, hash)
	}
	rest, _ := io.ReadAll(reader)
	return old, proof, string(rest), nil
}

func (s *server) add(body []byte) (string, int64, error) {
	old, proof, text, err := parseRequest(body)
	if err != nil {
		return "", 0, err
	}
	next, opened, err := openCheckpoint(text, s.log)
	if err != nil {
		return "", 0, refuse(http.StatusForbidden, "no checkpoint signed by the log's key")
	}
	if old > next.size {
		return "", 0, refuse(http.StatusBadRequest, "the old size is larger")
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if old != s.latest.size {
		return "", 0, &refusal{http.StatusConflict, "text/x.tlog.size", fmt.Sprintf("%d\n", s.latest.size)}
	}
	switch {
	case old == 0 && len(proof) != 0:
		return "", 0, refuse(http.StatusBadRequest, "a proof from nothing")
	case old == next.size && next.root != s.latest.root && old != 0:
		return "", 0, refuse(http.StatusConflict, "another tree of that size")
	case old != 0:
		if err := tlog.CheckTree(proof, next.size, next.root, old, s.latest.root); err != nil {
			return "", 0, refuse(http.StatusUnprocessableEntity, "the proof does not verify")
		}
	}
	s.latest = next
	seconds := uint64(time.Now().Unix())
	signature := make([]byte, 12)
	binary.BigEndian.PutUint32(signature, s.id)
	binary.BigEndian.PutUint64(signature[4:], seconds)
	signature = append(signature, ed25519.Sign(s.private, cosignedMessage(seconds, opened.Text))...)
	return fmt.Sprintf("— %s %s\n", witnessName, base64.StdEncoding.EncodeToString(signature)), next.size, nil
}

func witness(logKey string) error {
	log, err := note.NewVerifier(logKey)
	if err != nil {
		return err
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	id := keyID(witnessName, public)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	key := append([]byte{cosignatureType}, public...)
	fmt.Printf("witness http://%s %s+%08x+%s\n", listener.Addr(), witnessName, id, base64.StdEncoding.EncodeToString(key))
	return http.Serve(listener, &server{log: log, id: id, private: private})
}
