/** The parts of ComfyUI's front end that the scripts of plugin/comfyui/web use; ComfyUI serves them at run time. */
declare module "*/scripts/app.js" {
  interface NodeType {
    prototype: {
      configure(this: any, saved: any): void;
      onExecuted?: (this: any, output: any, ...rest: unknown[]) => void;
      getExtraMenuOptions?: (this: any, canvas: unknown, options: object[]) => object[] | void;
    };
  }

  interface Extension {
    name: string;
    settings?: { id: string; name: string; type: string; defaultValue: unknown }[];
    setup?(): Promise<void>;
    nodeCreated?(node: any): void;
    afterConfigureGraph?(): void;
    beforeRegisterNodeDef?(nodeType: NodeType, nodeData: { name: string }): Promise<void>;
  }

  export const app: {
    graph: { id?: string; _nodes: any[]; setDirtyCanvas(foreground: boolean, background: boolean): void };
    canvas?: { graph?: object };
    nodeOutputs?: Record<string, { images?: Record<string, string>[] }>;
    extensionManager?: { setting: { get(id: string): unknown } };
    registerExtension(extension: Extension): void;
    queuePrompt(number: number, batchCount: number): Promise<boolean | void>;
  };
}

declare module "*/scripts/api.js" {
  export const api: {
    clientId?: string;
    apiURL(path: string): string;
    fetchApi(path: string, options?: RequestInit): Promise<Response>;
    addEventListener(type: string, listener: (event: CustomEvent) => void | Promise<void>): void;
  };
}
