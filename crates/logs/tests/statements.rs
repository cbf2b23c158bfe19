//! Lines in the style of many programs come under one template for each statement that wrote them.
//!
//! Each case is a system; each of its groups holds lines that one statement wrote. One configuration serves all.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::collections::BTreeMap;

use groundcrew_logs::Miner;

/// Observes all lines of a case in turn, settles, and compares the groups with those written down.
fn check(case: &str, groups: &[&[&str]]) {
    let mut miner = Miner::new();
    let longest = groups.iter().map(|group| group.len()).max().unwrap();
    let mut seen = Vec::new();
    for round in 0..longest {
        for (group, lines) in groups.iter().enumerate() {
            if let Some(line) = lines.get(round) {
                seen.push((group, *line, miner.observe(line)));
            }
        }
    }
    miner.settle();
    let mut found: BTreeMap<_, Vec<(usize, &str)>> = BTreeMap::new();
    for (group, line, id) in seen {
        found.entry(miner.resolve(id)).or_default().push((group, line));
    }
    let mut wrong = Vec::new();
    for (id, members) in &found {
        let group = members[0].0;
        if members.iter().any(|(other, _)| *other != group) || members.len() != groups[group].len() {
            let text = miner.template(*id).unwrap().text;
            wrong.push(format!(
                "{text}\n    {}",
                members.iter().map(|m| m.1).collect::<Vec<_>>().join("\n    ")
            ));
        }
    }
    assert!(wrong.is_empty(), "{case}:\n{}", wrong.join("\n"));
}

#[test]
fn phone() {
    check(
        "a phone's system log",
        &[
            &[
                "acquire lock=233570404, flags=0x1, tag=\"View Lock\", name=com.example.systemui, ws=null, uid=10037, pid=2227",
                "acquire lock=189667585, flags=0x1, tag=\"View Lock\", name=com.example.systemui, ws=null, uid=10037, pid=2228",
            ],
            &[
                "ready=true,policy=3,wakefulness=1,summary=0x23,bootcompleted=true,mode=false,manual=38,auto=-1,adj=0.0userId=0",
                "ready=true,policy=0,wakefulness=1,summary=0x11,bootcompleted=false,mode=true,manual=40,auto=-1,adj=0.5userId=0",
            ],
            &[
                "getRunningProcesses: caller 10113 does not hold REAL_GET_TASKS; limiting output",
                "getRunningProcesses: caller 10111 does not hold REAL_GET_TASKS; limiting output",
            ],
            &[
                "Skipping WindowToken{df0798e token=Token{78af589 ActivityRecord{3b04890 u0 com.example.qt/com.example.video.PlayerActivity t761}}} -- going to hide",
                "Skipping WindowToken{18ad5a1 token=Token{2a9fdcf ActivityRecord{9a3f012 u0 com.example.news/.MainActivity t770}}} -- going to hide",
            ],
            &[
                "setSystemUiVisibility vis=40000500 mask=ffffffff oldVal=40000500 newVal=40000500 diff=0 fullscreenStackVis=0 dockedStackVis=0, fullscreenStackBounds=Rect(0, 0 - 720, 1280)",
                "setSystemUiVisibility vis=0 mask=1 oldVal=508 newVal=508 diff=0 fullscreenStackVis=0 dockedStackVis=0, fullscreenStackBounds=Rect(0, 0 - 0, 0)",
            ],
            &["visible is system.call.count gt 0", "visible is system.call.count gt 2"],
            &[
                "animateCollapsePanels:flags=0, force=false, delayed=false, expanded=false",
                "animateCollapsePanels:flags=0, force=true, delayed=false, expanded=true",
            ],
            &[
                "Killing 3107:com.example.music/u0a55 (adj 906): empty #17",
                "Killing 4410:com.example.mail:push/u0a31 (adj 900): empty #18",
            ],
            &[
                "Start proc 21864:com.example.calendar/u0a9 for broadcast com.example.calendar/.AlertReceiver",
                "Start proc 22001:com.example.deskclock/u0a11 for broadcast com.example.deskclock/.AlarmReceiver",
            ],
            &["HBM brightnessIn =38", "HBM brightnessIn =41"],
            &["HBM brightnessOut =38", "HBM brightnessOut =41"],
            &[
                "updateClipping isOverlap:false, getTopPadding()=333.0, Translation=-22.0",
                "updateClipping isOverlap:true, getTopPadding()=31.0, Translation=0.0",
            ],
            &["startAnimation end", "startAnimation end"],
            &["startAnimation begin", "startAnimation begin"],
        ],
    );
}

#[test]
fn cluster() {
    check(
        "a cluster of computers",
        &[
            &["boot (command 1900) Error: machine check", "boot (command 1981) Error: machine check"],
            &["Temperature (41C) exceeds warning threshold", "Temperature (38C) exceeds warning threshold"],
            &[
                "Component State Change: Component \\042alt0\\042 is in the unavailable state (HWID=3180)",
                "Component State Change: Component \\042gige7\\042 is in the unavailable state (HWID=2104)",
            ],
            &[
                "Link error on broadcast tree Interconnect-0T00:00:0:0",
                "Link error on broadcast tree Interconnect-1T02:10:1:3",
            ],
            &["Fan speeds ( 3552 3534 3375 4245 3515 3479 )", "Fan speeds ( 3308 3479 3443 3515 3515 )"],
            &[
                "Targeting domains:node-D2 and nodes:node-[40-63] child of command 1926",
                "Targeting domains:node-D1 and nodes:node-[32-39] child of command 2010",
            ],
            &[
                "NIFF: node node-228 has detected an available network connection on network 5.5.226.0 via interface alt0",
                "NIFF: node node-12 has detected an available network connection on network 5.5.224.0 via interface ee1",
            ],
            &[
                "NIFF: node node-228 has detected a failed network connection on network 5.5.226.0 via interface alt0",
                "NIFF: node node-6 has detected a failed network connection on network 5.5.224.0 via interface ee0",
            ],
            &[
                "inconsistent nodesets node-31 0x1fffffffe <ok> node-0 0xfffffffe <ok> node-1 0xfffffffe <ok>",
                "inconsistent nodesets node-31 0x1fffffffe <ok> node-0 0xfffffffe <ok>",
            ],
            &["ambient=28", "ambient=31"],
            &["ServerFileSystem domain storage442 is full", "ServerFileSystem domain storage17 is full"],
            &["PSU status ( on on )", "PSU status ( on on )"],
        ],
    );
}

#[test]
fn proxy() {
    check(
        "a proxy on a desktop",
        &[
            &[
                "proxy.example.edu.hk:5070 open through proxy proxy.example.edu.hk:5070 HTTPS",
                "play.example.com:443 open through proxy proxy.example.edu.hk:5070 HTTPS",
                "183.62.156.108:27 open through proxy proxy.example.edu.hk:5070 HTTPS",
            ],
            &[
                "proxy.example.edu.hk:5070 close, 0 bytes sent, 0 bytes received, lifetime 00:01",
                "a.example.com:80 close, 431 bytes sent, 7 bytes received, lifetime <1 sec",
            ],
            &[
                "get.example.com:443 close, 1033 bytes (1.00 KB) sent, 5121 bytes (5.00 KB) received, lifetime 03:25",
                "proxy.example.edu.hk:5070 close, 104858 bytes (102 KB) sent, 1048576 bytes (1.00 MB) received, lifetime 00:02",
            ],
            &[
                "mail.example.com:995 error : Could not connect through proxy proxy.example.edu.hk:5070 - Proxy server cannot establish a connection with the target, status code 403",
                "10.0.0.3:23 error : Could not connect through proxy proxy.example.edu.hk:5070 - Proxy server cannot establish a connection with the target, status code 503",
            ],
        ],
    );
}

#[test]
fn coordination() {
    check(
        "a coordination service",
        &[
            &[
                "Received connection request /10.10.34.11:45307",
                "Received connection request /10.10.34.13:33442",
            ],
            &[
                "Notification: 2 (n.leader), 0x100000022 (n.zxid), 0x1 (n.round), LOOKING (n.state), 1 (n.sid), 0x0 (n.peerEPoch), FOLLOWING (my state)",
                "Notification: 1 (n.leader), 0x200000022 (n.zxid), 0x2 (n.round), LOOKING (n.state), 3 (n.sid), 0x1 (n.peerEPoch), FOLLOWING (my state)",
            ],
            &[
                "Closed socket connection for client /10.10.34.19:33442 (no session established for client)",
                "Closed socket connection for client /10.10.34.20:41025 (no session established for client)",
            ],
            &[
                "Closed socket connection for client /10.10.34.19:33442 which had sessionid 0x14f05578bd8000f",
                "Closed socket connection for client /10.10.34.20:41025 which had sessionid 0x24f0557806a0012",
            ],
            &[
                "Expiring session 0x14f05578bd80010, timeout of 10000ms exceeded",
                "Expiring session 0x34f0557885f0018, timeout of 10000ms exceeded",
            ],
            &[
                "Connection broken for id 188978561024, my id = 1, error =",
                "Connection broken for id 1, my id = 3, error =",
            ],
            &[
                "Interrupted while waiting for message on queue",
                "Interrupted while waiting for message on queue",
            ],
            &[
                "Processed session termination for sessionid: 0x14ede63a5a70004",
                "Processed session termination for sessionid: 0x24ede63a5a7000e",
            ],
            &[
                "Cannot open channel to 2 at election address /10.10.34.12:3888",
                "Cannot open channel to 3 at election address zk3.example.com/10.10.34.13:3888",
            ],
            &[
                "Established session 0x14f0557a04d0008 with negotiated timeout 10000 for client /10.10.34.34:46141",
                "Established session 0x34f0557a04d0010 with negotiated timeout 40000 for client /10.10.34.35:46143",
            ],
        ],
    );
}

#[test]
fn hosts() {
    check(
        "syslog of many hosts",
        &[
            &[
                "session opened for user root by (uid=0)",
                "session opened for user mail by (uid=0)",
                "session opened for user ops by (uid=0)",
            ],
            &["session closed for user root", "session closed for user mail", "session closed for user ops"],
            &["(root) CMD (run-parts /etc/cron.hourly)", "(root) CMD (run-parts /etc/cron.daily)"],
            &[
                "data_thread() got not answer from any [Cluster_A8] datasource",
                "data_thread() got not answer from any [Cluster_B1] datasource",
            ],
            &["synchronized to 10.100.22.250, stratum 3", "synchronized to 10.100.20.250, stratum 2"],
            &["DHCPDISCOVER from 00:11:43:e3:ba:c3 via eth1", "DHCPDISCOVER from 00:0e:0c:5a:11:02 via eth0"],
            &[
                "DHCPACK on 10.0.0.5 to 00:11:43:e3:ba:c3 via eth1",
                "DHCPACK on 10.0.0.9 to 00:0e:0c:5a:11:02 via eth0",
            ],
            &["[ib_sweep.c:1455]: No topology change", "[ib_sweep.c:1455]: No topology change"],
            &[
                "connect from unknown[10.1.2.3]",
                "connect from mx1.example.org[192.0.2.7]",
                "connect from relay.example.net[192.0.2.8]",
            ],
            &["Connection closed by 10.100.16.250", "Connection closed by 10.100.18.250"],
            &[
                "A0F2C81D: to=<ann@example.org>, relay=mx.example.org[192.0.2.7]:25, delay=0.6, delays=0.1/0/0.3/0.2, dsn=2.0.0, status=sent (250 ok)",
                "B77201AA: to=<bob@example.net>, relay=mx.example.org[192.0.2.7]:25, delay=1.6, delays=0.1/0/1.3/0.2, dsn=2.0.0, status=sent (250 ok)",
            ],
            &["crond startup succeeded", "crond startup succeeded"],
            &["crond shutdown succeeded", "crond shutdown succeeded"],
            &[
                "Accepted publickey for deploy from 10.0.0.9 port 51022 ssh2: RSA SHA256:9yQ1n+Zk3bWvJ0u2wq",
                "Accepted publickey for ann from 10.0.0.7 port 40023 ssh2: RSA SHA256:AAbbq7nn01fjw8dhs7",
                "Accepted publickey for root from 10.0.0.7 port 40022 ssh2: RSA SHA256:AAbbq7nn01fjw8dhs1",
            ],
        ],
    );
}

#[test]
fn laptop() {
    check(
        "a laptop's system log",
        &[
            &[
                "ARPT: 620701.011328: Wifi43xx::syncPowerState: WWEN[enabled]",
                "ARPT: 621686.164365: Wifi43xx::syncPowerState: WWEN[enabled]",
            ],
            &[
                "ARPT: 620702.879952: Wifi43xx::platformWoWEnable: WWEN[disable]",
                "ARPT: 621131.293163: Wifi43xx::platformWoWEnable: WWEN[disable]",
            ],
            &["en0: BSSID changed to 5c:50:15:4c:18:13", "en0: BSSID changed to 5c:50:15:36:bc:03"],
            &[
                "Thunderbolt Switch<0>(0x0)::listenerCallback - HPD packet for route = 0x0 port = 11 unplug = 0",
                "Thunderbolt Switch<1>(0x1)::listenerCallback - HPD packet for route = 0x0 port = 12 unplug = 1",
            ],
            &["RTC: PowerByCalendarDate setting ignored", "RTC: PowerByCalendarDate setting ignored"],
            &["Previous sleep cause: 5", "Previous sleep cause: 0"],
            &[
                "[com.example.CFNetwork.handle] network changed: v4(en0:10.105.160.95) v6(en0!) DNS Proxy SMB",
                "[com.example.CFNetwork.handle] network changed: v4(en0:10.105.162.105) v6(en0!) DNS Proxy SMB",
            ],
            &["IOPMrootDomain: idle cancel, state 1", "IOPMrootDomain: idle cancel, state 2"],
            &["Captive: CNPluginHandler en0: Inactive", "Captive: CNPluginHandler en0: Inactive"],
            &[
                "2017-07-04 07:29:50.410 ksfetch[12720/0x7fff79824000] [lvl=2] main() ksfetch fetching URL (<NSMutableURLRequest: 0x1005110b0> { URL: https://tools.example.com/service/update2?cup2hreq=53f725cf03f511fab }) to folder:/tmp/KSOutOfProcessFetcher.a",
                "2017-07-05 09:11:00.411 ksfetch[30318/0x7fff79824000] [lvl=2] main() ksfetch fetching URL (<NSMutableURLRequest: 0x1005110c2> { URL: https://tools.example.com/service/update2?cup2hreq=b0d12 }) to folder:/tmp/KSOutOfProcessFetcher.b",
            ],
            &[
                "Unable to simultaneously satisfy constraints:",
                "Unable to simultaneously satisfy constraints:",
            ],
        ],
    );
}

#[test]
fn database() {
    check(
        "a database",
        &[
            &["duration: 12.334 ms", "duration: 1.2 ms"],
            &["checkpoint starting: time", "checkpoint starting: time"],
            &[
                "checkpoint complete: wrote 104 buffers (0.6%); 0 WAL file(s) added, 0 removed, 1 recycled; write=10.4 s, sync=0.003 s, total=10.5 s",
                "checkpoint complete: wrote 9 buffers (0.1%); 1 WAL file(s) added, 0 removed, 0 recycled; write=0.9 s, sync=0.1 s, total=1.1 s",
            ],
            &[
                "relation \"orders\" does not exist at character 15",
                "relation \"carts\" does not exist at character 20",
            ],
            &[
                "duplicate key value violates unique constraint \"users_email_key\"",
                "duplicate key value violates unique constraint \"carts_pkey\"",
            ],
            &["connection received: host=10.0.0.9 port=40112"],
            &[
                "connection authorized: user=shop database=shop application_name=psql",
                "connection authorized: user=shop database=shop application_name=psql",
            ],
            &["deadlock detected", "deadlock detected"],
            &[
                "Process 1201 waits for ShareLock on transaction 771; blocked by process 1188.",
                "Process 99 waits for ShareLock on transaction 12; blocked by process 7.",
            ],
            &[
                "automatic vacuum of table \"shop.public.orders\": index scans: 1",
                "automatic vacuum of table \"shop.public.users\": index scans: 0",
            ],
            &[
                "terminating connection due to administrator command",
                "terminating connection due to administrator command",
            ],
            &["Slow query: SELECT 12 rows in 1.2s", "Slow query: SELECT 1 rows in 900ms"],
        ],
    );
}

#[test]
fn web() {
    check(
        "web servers",
        &[
            &[
                "10.0.0.1 - - \"GET /cart/12?x=1 HTTP/1.1\" 200 512 \"-\" \"curl/8.1\"",
                "10.0.0.2 - - \"GET /cart/99 HTTP/1.1\" 404 12 \"-\" \"curl/8.2\"",
            ],
            &[
                "10.0.0.1 - - \"POST /cart HTTP/1.1\" 201 0 \"-\" \"curl/8.1\"",
                "10.0.0.7 - - \"POST /cart/items HTTP/2.0\" 201 0 \"-\" \"curl/8.1\"",
            ],
            &[
                "*1 open() \"/srv/www/favicon.ico\" failed (2: No such file or directory), client: 10.0.0.1, server: shop.example.org, request: \"GET /favicon.ico HTTP/1.1\", host: \"shop.example.org\"",
                "*77 open() \"/srv/www/robots.txt\" failed (2: No such file or directory), client: 10.9.0.1, server: shop.example.org, request: \"GET /robots.txt HTTP/1.1\", host: \"shop.example.org\"",
            ],
            &[
                "upstream timed out (110: Connection timed out) while reading response header from upstream",
                "upstream timed out (110: Connection timed out) while reading response header from upstream",
            ],
            &[
                "Started GET \"/carts/7\" for 127.0.0.1 at 2026-11-05 10:00:00 +0000",
                "Started GET \"/orders\" for 10.0.0.4 at 2026-11-05 10:00:01 +0000",
            ],
            &[
                "Completed 200 OK in 12ms (Views: 3.1ms | ActiveRecord: 2.0ms)",
                "Completed 200 OK in 120ms (Views: 30.1ms | ActiveRecord: 22.0ms)",
            ],
            &["worker process 31 exited with code 0", "worker process 4012 exited with code 1"],
        ],
    );
}

#[test]
fn containers() {
    check(
        "an orchestrator of containers",
        &[
            &[
                "Successfully assigned shop/web-6d4cf56db6-x8k2p to node-3",
                "Successfully assigned shop/web-6d4cf56db6-tt9qv to node-1",
            ],
            &[
                "\"SyncLoop ADD\" source=\"api\" pods=[\"shop/web-6d4cf56db6-x8k2p\"]",
                "\"SyncLoop ADD\" source=\"api\" pods=[\"shop/db-0\"]",
            ],
            &[
                "Back-off restarting failed container web in pod web-6d4cf56db6-x8k2p_shop(1c7a3d5e-1111-4222-8333-444455556666)",
                "Back-off restarting failed container web in pod web-6d4cf56db6-tt9qv_shop(2c7a3d5e-1111-4222-8333-444455556667)",
            ],
            &[
                "Pulling image \"registry.example.org/shop/web:1.4.2\"",
                "Pulling image \"registry.example.org/shop/db:16\"",
            ],
            &[
                "Liveness probe failed: HTTP probe failed with statuscode: 503",
                "Liveness probe failed: HTTP probe failed with statuscode: 500",
            ],
            &[
                "Readiness probe failed: HTTP probe failed with statuscode: 503",
                "Readiness probe failed: HTTP probe failed with statuscode: 500",
            ],
            &["Created container web", "Created container db", "Created container proxy"],
            &[
                "level=info msg=\"request done\" method=GET path=/x/1 status=200 dur=12ms",
                "level=info msg=\"request done\" method=GET path=/y/2 status=200 dur=1.2s",
            ],
        ],
    );
}
