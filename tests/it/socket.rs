//! The control socket: where it is, who may use it, which daemon answers, and what it does not let a client do.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::video::assert_shows;
use crate::support::{Daemon, Fake, Fault, Frames, Outcome, Sandbox, ffmpeg, toml_string};

/// Only what a test says ends a sequence.
const PATIENT: &str = "idle_timeout = \"1h\"";

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// What the service manager gives the system's service: folders that are no user's.
struct Service {
    runtime: PathBuf,
    state: PathBuf,
}

impl Service {
    fn of(sandbox: &Sandbox) -> Self {
        Self { runtime: sandbox.system_socket_dir(), state: sandbox.path().join("system/state") }
    }

    fn start(&self, sandbox: &Sandbox, config: &Path) -> Daemon {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let (runtime, state) = (text(&self.runtime), text(&self.state));
        let environment =
            [("RUNTIME_DIRECTORY", runtime.as_str()), ("STATE_DIRECTORY", state.as_str()), ("XDG_RUNTIME_DIR", "")];
        Daemon::start_with(sandbox, config, &environment)
    }

    fn socket(&self) -> PathBuf {
        self.runtime.join("control.sock")
    }
}

/// Somebody with a home of their own, and nothing in the environment that says where a service is.
fn somebody(sandbox: &Sandbox) -> Command {
    let home = sandbox.path().join("somebody");
    fs::create_dir_all(&home).unwrap();
    let mut command = sandbox.reeld();
    command.env("HOME", &home);
    for name in ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"] {
        command.env_remove(name);
    }
    command
}

fn run<A: AsRef<OsStr>>(command: &mut Command, arguments: impl IntoIterator<Item = A>) -> Outcome {
    Outcome::of(command.args(arguments).output().unwrap())
}

#[test]
fn a_services_socket_is_open_to_its_group_and_a_users_to_the_user() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config(PATIENT);
    let service = Service::of(&sandbox);
    let daemon = service.start(&sandbox, &config);
    assert_eq!((mode(&service.runtime), mode(&service.socket())), (0o750, 0o660));
    assert_eq!(daemon.stop().code(), Some(0));
    assert!(!service.socket().exists());
    let left: Vec<_> = fs::read_dir(&service.runtime).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");

    let _daemon = Daemon::start(&sandbox, &config);
    let folder = sandbox.path().join("run/reeld");
    assert_eq!((mode(&folder), mode(&folder.join("control.sock"))), (0o700, 0o600));
}

#[test]
fn a_service_is_found_by_whoever_may_ask_it_and_says_who_it_is() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config(PATIENT);
    let service = Service::of(&sandbox);
    let mut daemon = service.start(&sandbox, &config);
    let who = format!(
        "the daemon of {} (pid {}), whose journal is in {}",
        config.display(),
        daemon.id(),
        service.state.display()
    );

    let shot = sandbox.folder("shot");
    Frames::new("frame_####.png").write(&shot, 1..=5);
    run(&mut somebody(&sandbox), [OsStr::new("done"), shot.as_os_str()])
        .expect(0)
        .says(&who)
        .says("are taken as finished");
    daemon.wait_for_file(&shot.join("frame.mp4"));
    assert_shows(&shot.join("frame.mp4"), &sandbox.ffmpeg, 1..=5);
    let given = daemon.wait_for_line("the order is in the log", |line| line.contains("a client says done"));
    let uid = rustix::process::getuid().as_raw();
    assert!(given.contains(&format!("uid={uid} pid=")) && given.contains(shot.to_str().unwrap()), "{given}");

    let listed = run(&mut somebody(&sandbox), ["list"]).expect(0).says(&who);
    assert!(listed.text().contains("frame.mp4"), "{}", listed.text());
    let listed = run(&mut somebody(&sandbox), ["list", "--json", "--quiet"]).expect(0);
    let row: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!((&row["state"], &row["dir"]), (&json!("published"), &json!(shot)));
    assert!(listed.stderr.is_empty(), "{}", listed.stderr);
    run(&mut somebody(&sandbox), [OsStr::new("forget"), shot.as_os_str()])
        .expect(0)
        .says(&who)
        .says("5 frames count as new");
    run(&mut somebody(&sandbox), ["reload"]).expect(0).says(&who).says("is in force");
    for order in ["forget", "reload"] {
        daemon.wait_for_line(order, |line| line.contains(&format!("a client says {order}")) && line.contains("uid="));
    }
    assert!(!daemon.log().contains("a client says list"), "{}", daemon.log());
    // Nothing was made for somebody who only asks.
    assert!(!sandbox.path().join("somebody/.local").exists());
}

#[test]
fn a_retry_reaches_the_service() {
    let sandbox = Sandbox::new(&ffmpeg());
    let fake = Fake::new(&sandbox, Fault::Exit1);
    sandbox.install(&fake);
    let service = Service::of(&sandbox);
    let mut daemon = service.start(&sandbox, &sandbox.config(PATIENT));
    let shot = sandbox.folder("shot");
    Frames::new("frame_####.png").write(&shot, 1..=5);
    fs::write(shot.join(".done"), "").unwrap();
    daemon.wait("the journal has the failure", |_| {
        // The batch, not the trial of the recipe, which fails as well and is listed before.
        let listed = run(&mut somebody(&sandbox), ["list", "--json"]).expect(0).text();
        listed.contains("\"state\":\"failed\"").then_some(())
    });
    sandbox.uninstall_fake();
    run(&mut somebody(&sandbox), [OsStr::new("retry"), shot.as_os_str()]).expect(0);
    daemon.wait_for_file(&shot.join("frame.mp4"));
    daemon.wait_for_line("who retried", |line| line.contains("a client says retry"));
}

/// Names of any bytes come over the socket as what they are.
#[test]
fn names_that_are_no_text_are_listed_as_they_are() {
    use std::os::unix::ffi::OsStrExt as _;
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config(PATIENT);
    let daemon = Daemon::start(&sandbox, &config);
    let shot = sandbox.folder(OsStr::from_bytes(b"sh\xffot"));
    Frames::new("frame_####.png").write(&shot, 1..=5);
    sandbox.run([OsStr::new("encode"), shot.as_os_str()]).expect(0);
    // What is open only a daemon knows.
    let list = |arguments: &[&str]| {
        let text = sandbox.run([&["list", "--quiet"], arguments].concat()).expect(0).text();
        text.lines().filter(|line| line.contains("published")).map(str::to_owned).collect::<Vec<_>>()
    };
    let by_daemon = [list(&[]), list(&["--json"])];
    assert!(by_daemon[0].len() == 1 && by_daemon[0][0].contains("sh\\xffot"), "{by_daemon:?}");
    assert_eq!(daemon.stop().code(), Some(0));
    assert_eq!([list(&[]), list(&["--json"])], by_daemon);
}

#[test]
fn a_config_or_a_state_folder_names_the_daemon() {
    let sandbox = Sandbox::new(&ffmpeg());
    let other = sandbox.path().join("other");
    fs::create_dir(&other).unwrap();
    let theirs = sandbox.path().join("service.toml");
    fs::write(&theirs, format!("[[watch]]\npath = {}\n{PATIENT}\n", toml_string(&other))).unwrap();
    let service = Service::of(&sandbox);
    let system = service.start(&sandbox, &theirs);
    let ours = sandbox.config(PATIENT);
    let own = Daemon::start(&sandbox, &ours);
    let (of_system, of_own) = (format!("(pid {})", system.id()), format!("(pid {})", own.id()));

    // Without a name it is the user's own, as far as the environment does not put a service first.
    let list = |environment: &[(&str, &Path)], config: Option<&Path>| {
        let mut command = sandbox.reeld();
        command.envs(environment.iter().copied()).arg("list");
        run(&mut command, config.into_iter().flat_map(|config| [OsStr::new("--config"), config.as_os_str()])).expect(0)
    };
    let runtime = ("RUNTIME_DIRECTORY", &*service.runtime);
    list(&[], None).says(&of_own);
    list(&[runtime], None).says(&of_system);
    list(&[runtime], Some(&ours)).says(&of_own);
    list(&[runtime], Some(&theirs)).says(&of_system);
    list(&[runtime, ("REELD_CONFIG", &ours)], None).says(&of_own);
    list(&[runtime, ("STATE_DIRECTORY", &sandbox.state())], None).says(&of_own);
    list(&[runtime, ("STATE_DIRECTORY", &service.state)], None).says(&of_system);

    // Another journal than those of the daemons that run.
    let third = sandbox.path().join("third.toml");
    let state = sandbox.path().join("third");
    let text = format!("state_dir = {}\n[[watch]]\npath = {}\n", toml_string(&state), toml_string(&other));
    fs::write(&third, text).unwrap();
    let said = list(&[runtime], Some(&third)).says("no daemon is running for this").says(state.to_str().unwrap());
    assert!(said.stderr.contains(&of_system) && said.stderr.contains(&of_own), "{}", said.stderr);
    let arguments = [OsStr::new("done"), other.as_os_str(), OsStr::new("--config"), third.as_os_str()];
    run(sandbox.reeld().env(runtime.0, runtime.1), arguments).expect(1).says("no daemon is running for this");
}

#[test]
fn a_second_daemon_leaves_the_socket_of_the_first_alone() {
    let sandbox = Sandbox::new(&ffmpeg());
    let first = Daemon::start(&sandbox, &sandbox.config(PATIENT));
    let (state, root) = (sandbox.path().join("another"), sandbox.path().join("root"));
    fs::create_dir(&root).unwrap();
    let config = sandbox.path().join("another.toml");
    let text = format!("state_dir = {}\n[[watch]]\npath = {}\n", toml_string(&state), toml_string(&root));
    fs::write(&config, text).unwrap();
    let mut second = Daemon::start(&sandbox, &config);
    second.wait_for_line("where it listens", |line| line.contains("another daemon listens there"));
    let named = |config: &Path| sandbox.run([OsStr::new("list"), OsStr::new("--config"), config.as_os_str()]);
    named(&config).expect(0).says(&format!("(pid {})", second.id()));
    sandbox.run(["list"]).expect(0).says(&format!("(pid {})", first.id()));
    assert_eq!(second.stop().code(), Some(0));
    sandbox.run(["list"]).expect(0).says(&format!("(pid {})", first.id()));
    named(&config).expect(0).says("no daemon is running");
}

#[test]
fn a_socket_of_a_dead_daemon_is_replaced() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config(PATIENT);
    Daemon::start(&sandbox, &config).kill_9();
    assert!(sandbox.path().join("run/reeld/control.sock").exists());
    sandbox.run(["list"]).expect(0).says("no daemon is running");
    let daemon = Daemon::start(&sandbox, &config);
    sandbox.run(["list"]).expect(0).says(&format!("(pid {})", daemon.id()));
}

/// A check is asked of the daemon that has the config, and sees what the daemon sees.
#[test]
fn a_check_sees_with_the_eyes_of_the_daemon() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config(PATIENT);
    let service = Service::of(&sandbox);
    let daemon = service.start(&sandbox, &config);
    let nothing = sandbox.path().join("nothing");
    fs::create_dir(&nothing).unwrap();
    let check = |config: Option<&Path>| {
        let mut command = somebody(&sandbox);
        command.env("PATH", &nothing).arg("check");
        run(&mut command, config.into_iter().flat_map(|config| [OsStr::new("--config"), config.as_os_str()]))
    };
    for config in [None, Some(&*config)] {
        let outcome = check(config).expect(0).says(&format!("(pid {})", daemon.id()));
        let text = outcome.text();
        // What only the daemon's environment has: FFmpeg on the path, the service's state.
        assert!(text.contains(&format!("at {}", sandbox.path().join("bin/ffmpeg").display())), "{text}");
        assert!(
            text.contains(&format!("ok     journal: in {}, a daemon is running", service.state.display())),
            "{text}"
        );
        assert!(text.ends_with("all is well\n"), "{text}");
    }
    // The file as it is now.
    sandbox.config("idle_timout = \"1h\"");
    let text = check(None).expect(1).text();
    assert!(text.contains("WRONG  config: ") && text.contains("idle_timeout"), "{text}");

    // Another config is not the daemon's affair.
    let own = sandbox.path().join("own.toml");
    fs::write(&own, format!("[[watch]]\npath = {}\n", toml_string(&nothing))).unwrap();
    let outcome = check(Some(&own)).expect(1).says("no daemon is running for this").says("what this user sees");
    assert!(outcome.text().contains("WRONG  FFmpeg: "), "{}", outcome.text());
    assert_eq!(daemon.stop().code(), Some(0));
    check(Some(&own)).expect(1).says("no daemon is running; this is what this user sees");
}

/// Each answer is many lines, so that a long list is not too long.
#[test]
fn a_long_journal_is_listed_up_to_a_limit() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config(PATIENT);
    let shot = sandbox.folder("shot");
    Frames::new("frame_####.png").write(&shot, 1..=5);
    sandbox.encode(&[]).expect(0);
    {
        let journal = rusqlite::Connection::open(sandbox.state().join("journal.db")).unwrap();
        let columns: Vec<String> = {
            let mut select =
                journal.prepare("SELECT name FROM pragma_table_info('batches') WHERE name != 'id'").unwrap();
            select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        };
        let columns = columns.join(", ");
        let copies = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10100)";
        journal
            .execute_batch(&format!("INSERT INTO batches ({columns}) {copies} SELECT {columns} FROM batches, n"))
            .unwrap();
    }
    let _daemon = Daemon::start(&sandbox, &config);
    let listed = sandbox.run(["list", "--json", "--limit", "20000"]).expect(0).says("newest 10000");
    let ids: Vec<i64> = listed
        .text()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter_map(|row| row["id"].as_i64())
        .collect();
    assert_eq!(ids, (102..=10101).collect::<Vec<i64>>());
}

fn greeting(stream: &UnixStream) -> Value {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

/// What the daemon answers to a line of somebody who does not use the command.
fn raw(socket: &Path, question: &[u8]) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    assert_eq!(greeting(&stream)["protocol"], 1);
    stream.write_all(question).unwrap();
    stream.write_all(b"\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn bytes(path: &Path) -> Vec<u8> {
    path.to_str().unwrap().as_bytes().to_vec()
}

#[test]
fn another_version_is_told_in_words_on_both_sides() {
    let sandbox = Sandbox::new(&ffmpeg());
    let daemon = Daemon::start(&sandbox, &sandbox.config(PATIENT));
    let socket = sandbox.path().join("run/reeld/control.sock");
    let answer = raw(&socket, br#"{"protocol":7,"version":"9.9.9","ask":{"sing":{}}}"#);
    assert!(answer.contains("does not understand reeld 9.9.9") && answer.contains("restart the daemon"), "{answer}");
    let answer = raw(&socket, br#"{"command":"done","dir":[47]}"#);
    assert!(answer.contains("not a question") && answer.contains("of the same version"), "{answer}");
    assert_eq!(daemon.stop().code(), Some(0));

    let listener = UnixListener::bind(&socket).unwrap();
    let other = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"{\"protocol\":7,\"version\":\"9.9.9\",\"house\":1}\n").unwrap();
    });
    let outcome =
        sandbox.run(["list"]).expect(1).says("is reeld 9.9.9, which this reeld").says("hint: restart the daemon");
    assert!(outcome.stdout.is_empty());
    other.join().unwrap();
}

/// The daemon may enter what a client may not. So no name of a client leads it out of what it watches.
#[test]
fn a_client_leads_the_daemon_nowhere() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(PATIENT));
    let socket = sandbox.path().join("run/reeld/control.sock");
    let secret = sandbox.path().join("secret");
    fs::create_dir_all(secret.join("below")).unwrap();
    Frames::new("frame_####.png").write(&secret, 1..=5);
    Frames::new("frame_####.png").write(&secret.join("below"), 1..=5);
    symlink(&secret, sandbox.root().join("link")).unwrap();
    for (way, says) in [
        (sandbox.root().join("../secret"), "is not the full path"),
        (PathBuf::from("secret"), "is not the full path"),
        (sandbox.root().join("link"), "is in no watched folder"),
        (sandbox.root().join("link/below"), "is in no watched folder"),
        (secret.clone(), "is in no watched folder"),
    ] {
        let order = json!({"command": "done", "dir": bytes(&way)});
        let question = json!({"protocol": 1, "version": "x", "ask": {"order": order}});
        let answer = raw(&socket, question.to_string().as_bytes());
        assert!(answer.contains("refused") && answer.contains(says), "{}: {answer}", way.display());
    }
    // A check has no room for a file.
    let config = sandbox.path().join("evil.toml");
    fs::write(&config, "SECRET = 1\n").unwrap();
    for ask in [json!({"check": {"config": config}}), json!({"check": config})] {
        let question = json!({"protocol": 1, "version": "x", "ask": ask});
        let answer = raw(&socket, question.to_string().as_bytes());
        assert!(answer.contains("not a question") && !answer.contains("SECRET"), "{answer}");
    }
    // More than a question can be, without an end.
    let mut stream = UnixStream::connect(&socket).unwrap();
    greeting(&stream);
    // The daemon stops reading at some point, and what is sent after that fails.
    let _ = stream.write_all(&vec![b'x'; 1 << 20]);
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert!(answer.is_empty() || answer.contains("not a question"), "{answer}");
    assert!(sandbox.videos().is_empty());
    // It goes on.
    let shot = sandbox.folder("shot");
    Frames::new("frame_####.png").write(&shot, 1..=5);
    sandbox.run([OsStr::new("done"), shot.as_os_str()]).expect(0);
    daemon.wait_for_file(&shot.join("frame.mp4"));
    assert_eq!(sandbox.videos(), [shot.join("frame.mp4")]);
}

#[test]
fn who_may_not_ask_is_told_how_to_be_let_in() {
    let sandbox = Sandbox::new(&ffmpeg());
    let service = Service::of(&sandbox);
    let _daemon = service.start(&sandbox, &sandbox.config(PATIENT));
    let home = sandbox.path().join("somebody");
    fs::create_dir_all(&home).unwrap();
    let as_stranger = |arguments: &[&str]| {
        let mut command = somebody(&sandbox);
        command.args(arguments);
        if rustix::process::getuid().is_root() {
            // Root may do anything, so it is done as nobody.
            fs::set_permissions(sandbox.path(), fs::Permissions::from_mode(0o755)).unwrap();
            std::os::unix::fs::chown(&home, Some(65534), Some(65534)).unwrap();
            command.uid(65534).gid(65534);
            Outcome::of(command.output().unwrap())
        } else {
            fs::set_permissions(&service.runtime, fs::Permissions::from_mode(0o000)).unwrap();
            let outcome = Outcome::of(command.output().unwrap());
            fs::set_permissions(&service.runtime, fs::Permissions::from_mode(0o750)).unwrap();
            outcome
        }
    };
    let root = sandbox.root();
    for arguments in [&["list"][..], &["done", root.to_str().unwrap()], &["forget", "/x"], &["retry", "1"], &["reload"]]
    {
        let outcome = as_stranger(arguments).expect(1);
        outcome.says("cannot ask the daemon at").says("permission denied").says("usermod -aG reeld");
    }
    let checked = as_stranger(&["check"]).says("permission denied").says("usermod -aG reeld");
    let checked = checked.says("no daemon that you may ask is running; this is what this user sees");
    assert!(checked.text().contains("WRONG  config: no configuration found"), "{}", checked.text());
}
