package gateway

import (
	"context"
	"net/http"
	"time"
)

// Backups takes copies of the server's store while it runs, one at a time, and knows those that are there.
type Backups interface {
	// Begin begins one and answers what it will be called; [runner.ErrConflict] while one is being taken. record is told the
	// name before anything is done, and what it refuses is not begun.
	Begin(by, reason string, record func(name string) error) (Backup, error)
	// Backup answers one, or [runner.ErrNotFound].
	Backup(name string) (Backup, error)
	// Backups answers the newest, newest first.
	Backups() ([]Backup, error)
}

// Backup is a copy of the server's store. It lies in the folder that the server's setting names.
type Backup struct {
	Name    string    `json:"name" doc:"And of its folder below the one for backups"`
	State   string    `json:"state" enum:"running,done,failed"`
	BegunAt time.Time `json:"begun_at" doc:"Everything that was acknowledged before is in it"`
	By      string    `json:"by,omitempty"`
	Reason  string    `json:"reason,omitempty"`

	Store      string        `json:"store,omitempty" doc:"Random name that the store got when it was made"`
	Generation uint64        `json:"generation,omitempty" doc:"Rises each time the store is restored"`
	Level      int           `json:"level,omitempty" doc:"Of the stored format"`
	Counts     *BackupCounts `json:"counts,omitempty"`
	Bytes      int64         `json:"bytes,omitempty" doc:"Of all its files"`
	Digest     string        `json:"digest,omitempty" doc:"SHA-256 of its manifest, which names every file's: note it elsewhere"`
	Error      string        `json:"error,omitempty" doc:"Why it failed"`
}

// BackupCounts are what a backup holds.
type BackupCounts struct {
	Runs  int `json:"runs" doc:"Runs and single jobs, ended or not"`
	Live  int `json:"live" doc:"Of these, those that have not ended"`
	Facts int `json:"facts"`
	Blobs int `json:"blobs"`
}

// backups are what takes them, for who runs the installation: a copy has every tenant's data.
func (g *Gateway) backups(ctx context.Context) (Backups, error) {
	if err := g.installation(ctx); err != nil {
		return nil, err
	}
	if g.cfg.Backups == nil {
		return nil, newProblem("not_configured", "There is no folder for backups: start the server with --backup-dir (CORDUM_BACKUP_DIR). A store in Redis is copied by Redis itself (BGSAVE, or its append-only file); cordum backup export --store REDIS writes what is in it.")
	}
	return g.cfg.Backups, nil
}

type backupReply struct {
	Location string `header:"Location" doc:"Where to read how it goes"`
	Body     Backup
}

func (g *Gateway) createBackup(ctx context.Context, in *reasonOnlyInput) (*backupReply, error) {
	all, err := g.backups(ctx)
	if err != nil {
		return nil, err
	}
	c := caller(ctx, in.Body.text())
	b, err := all.Begin(c.Actor, c.Reason, func(name string) error {
		return g.engine.ChangeDocs(ctx, c, "backup", "backup "+name)
	})
	if err != nil {
		return nil, err
	}
	return &backupReply{Location: prefix + "/backups/" + b.Name, Body: b}, nil
}

func (g *Gateway) listBackups(ctx context.Context, _ *struct{}) (*reply[Page[Backup]], error) {
	all, err := g.backups(ctx)
	if err != nil {
		return nil, err
	}
	items, err := all.Backups()
	if err != nil {
		return nil, err
	}
	return &reply[Page[Backup]]{Page[Backup]{Items: append([]Backup{}, items...)}}, nil
}

func (g *Gateway) getBackup(ctx context.Context, in *ByID) (*reply[Backup], error) {
	all, err := g.backups(ctx)
	if err != nil {
		return nil, err
	}
	b, err := all.Backup(in.ID)
	if err != nil {
		return nil, err
	}
	return &reply[Backup]{b}, nil
}

func backupRoutes() []Route {
	const tag = "backups"
	unset := http.StatusNotImplemented
	return []Route{
		{
			Method: "GET", Path: prefix + "/backups", ID: "listBackups", Tag: tag, Summary: "List the newest backups of the store, newest first",
			Role: RoleAdmin, Tenant: TenantCaller, Errors: []int{unset}, bind: handle((*Gateway).listBackups),
		},
		{
			Method: "POST", Path: prefix + "/backups", ID: "createBackup", Tag: tag, Status: http.StatusAccepted,
			Summary: "Take a backup of the store",
			Doc: "The server goes on meanwhile. Everything that was acknowledged before the call is in it. It lies in the folder that the " +
				"server's setting names; ask for it by its name until its state is done, and copy it to another machine.",
			Role: RoleAdmin, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Audit: "backup", Errors: []int{conflict, unset}, bind: handle((*Gateway).createBackup),
		},
		{
			Method: "GET", Path: prefix + "/backups/{id}", ID: "getBackup", Tag: tag, Summary: "Read how a backup goes, and what it holds",
			Role: RoleAdmin, Tenant: TenantCaller, Errors: []int{notFound, unset}, bind: handle((*Gateway).getBackup),
		},
	}
}
